import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { parseManifest } from '../../../engine/archive';
import { areValidParts } from '../../../engine/archive/manifest-parts';

const HASH = 'ab'.repeat(32);
const bytes = z.number().int().nonnegative();

/** What the schema of manifests says of a part. */
const schemaOf = (tables: number) =>
	z.array(
		z
			.object({
				type: z.string(),
				offset: bytes,
				length: bytes,
				rawLength: bytes,
				sha256: z.string().regex(/^[0-9a-f]{64}$/),
				table: bytes.max(tables - 1).optional(),
				rows: bytes.optional(),
			})
			.strict(),
	);

const TABLES = [
	{ schema: 'public', name: 'a', rows: 1, bytes: 1 },
	{ schema: 'public', name: 'b', rows: 1, bytes: 1 },
];
const HEAD = {
	formatVersion: 1,
	id: '4d6f4bd0-6b1c-4f6e-9a70-0d6f3c2b1a00',
	kind: 'postgres',
	name: 'shop',
	file: 'shop.sql',
	startedAt: '2026-01-31T02:00:00.000Z',
	finishedAt: '2026-01-31T02:00:09.000Z',
	source: { system: 'postgresql', version: '18.0' },
	tool: { name: 'x', version: '1' },
	codec: { name: 'none' },
	encryption: null,
	size: { raw: 1, compressed: 1, stored: 1 },
	sha256: HASH,
	tables: TABLES,
	counts: {},
};

const good = fc.record(
	{
		type: fc.string(),
		offset: fc.nat(),
		length: fc.nat(),
		rawLength: fc.maxSafeNat(),
		sha256: fc.constant(HASH),
		table: fc.nat({ max: TABLES.length - 1 }),
		rows: fc.nat(),
	},
	{ requiredKeys: ['type', 'offset', 'length', 'rawLength', 'sha256'] },
);
const odd = fc.oneof(
	fc.constantFrom(-1, 0.5, 2, 1e300, '', '1', null, true, HASH, `${HASH}\n`, HASH.toUpperCase(), [], {}),
	fc.jsonValue(),
);
const member = fc.constantFrom(
	'type',
	'offset',
	'length',
	'rawLength',
	'sha256',
	'table',
	'rows',
	'later',
	'__proto__',
);
const changed = fc.tuple(good, member, odd).map(([part, name, value]) => {
	const json = JSON.stringify(part);
	// As text, so that every name becomes a member of its own.
	return JSON.parse(`${json.slice(0, -1)},${JSON.stringify(name)}:${JSON.stringify(value)}}`) as unknown;
});
const lacking = fc.tuple(good, member).map(([part, name]) => ({ ...part, [name]: undefined }));
const parts = fc
	.array(fc.oneof({ weight: 4, arbitrary: good }, changed, lacking, odd), { maxLength: 4 })
	.map((list) => JSON.parse(JSON.stringify(list)) as unknown[]);

describe('the quick look at parts', () => {
	it('finds valid exactly what the schema takes as it is', () => {
		fc.assert(
			fc.property(parts, (list) => {
				expect(areValidParts(list, TABLES.length)).toBe(schemaOf(TABLES.length).safeParse(list).success);
			}),
			{ numRuns: 2000 },
		);
	});

	it('changes nothing about what a manifest is read as, nor about what is wrong with it', () => {
		const read = (text: string) => {
			try {
				return parseManifest(text, 'here');
			} catch (error) {
				return (error as Error).message;
			}
		};
		fc.assert(
			fc.property(parts, (list) => {
				const text = JSON.stringify({ ...HEAD, parts: list });
				// A member that is not known sends the whole list to the schema, which drops it.
				const known = { type: 'x', offset: 0, length: 0, rawLength: 0, sha256: HASH };
				const slow = read(JSON.stringify({ ...HEAD, parts: [...list, { ...known, later: 1 }] }));
				const expected = typeof slow === 'string' ? slow : { ...slow, parts: slow.parts.slice(0, -1) };
				expect(read(text)).toEqual(expected);
			}),
			{ numRuns: 1000 },
		);
	});

	it('does not take what is no list for one', () => {
		for (const value of [undefined, null, {}, 'parts', { length: 0 }]) expect(areValidParts(value, 0)).toBe(false);
		expect(areValidParts([], 0)).toBe(true);
	});
});
