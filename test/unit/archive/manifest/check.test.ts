import { isDeepStrictEqual } from 'node:util';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { BACKUP_KINDS, CHECKSUM, MANIFEST_VERSION, manifestSchema } from '../../../../engine/archive/manifest/manifest';
import { manifestCheck } from '../../../../engine/archive/manifest/check';
import { validated } from '../../../../engine/archive/manifest/text';

const HASH = 'ab'.repeat(32);
const ID = '4d6f4bd0-6b1c-4f6e-9a70-0d6f3c2b1a00';
const OTHER_ID = '0b6a3a52-6e0a-4a8f-9d0e-5f1d8c3b7a11';
/** All that a manifest may hold. */
const FULL = {
	formatVersion: 2,
	id: ID,
	kind: 'postgres',
	name: 'shop',
	file: 'shop_20260131_020000.sql.zst',
	folder: 'postgres',
	proof: { salt: 'ab'.repeat(16), keyCheck: 'ab'.repeat(8), hmacSha256: HASH },
	startedAt: '2026-01-31T02:00:00.000Z',
	finishedAt: '2026-01-31T02:00:09.000Z',
	source: { system: 'postgresql', version: '18.0', port: 5432, more: { deep: [null] } },
	tool: { name: 'n8n-nodes-stack-backup', version: '0.1.0', pg_dump: '18.0' },
	codec: { name: 'zstd', level: 3 },
	encryption: {
		format: 'openpgp',
		cipher: 'aes256',
		passphrase: true,
		recipients: ['AB'],
		pieces: { outer: 1_048_576, inner: 65_536 },
	},
	size: { raw: 30, compressed: 20, stored: 20 },
	sha256: HASH,
	tables: [
		{ schema: 'public', name: 't', rows: 2, bytes: 10 },
		{ schema: 'public', name: 'u', rows: 0, bytes: 0, sequences: [{ schema: 'public', name: 's' }] },
	],
	counts: { tables: 1, rows: 2 },
	partial: { content: 'data', selection: ['--table=t'] },
	options: { schemas: ['public'], deep: { x: null } },
	warnings: ['one'],
	runId: 'run',
	tags: ['a'],
	pinned: true,
	needs: [OTHER_ID],
	parts: [
		{ type: 'pre-data', offset: 0, length: 12, rawLength: 20, sha256: HASH },
		{ type: 'data', offset: 12, length: 8, rawLength: 10, sha256: HASH, table: 1, rows: 2 },
		{ type: 'tables', offset: 20, length: 8, rawLength: 10, sha256: HASH, tables: [0, 1], rows: 2 },
	],
};
/** All that it must hold. */
const {
	tables: _1,
	partial: _2,
	options: _3,
	warnings: _4,
	runId: _5,
	tags: _6,
	pinned: _7,
	needs: _8,
	proof: _9,
	...rest
} = FULL;
const LEAST = { ...rest, parts: FULL.parts.slice(0, 1) };

/** As the first version had it. */
const { folder: _10, ...FIRST } = { ...LEAST, formatVersion: 1 };

/** Checkpoints have a version of their own. */
const CHECKPOINT = { ...FULL, formatVersion: 4, checkpoint: true };

const check = manifestCheck(MANIFEST_VERSION, BACKUP_KINDS, CHECKSUM);

interface Place {
	path: string[];
	name: string;
}

/** Every member of an object, however deep. */
function placesIn(value: unknown, path: string[] = []): Place[] {
	if (typeof value !== 'object' || value === null) return [];
	return Object.entries(value).flatMap(([name, inner]) => [{ path, name }, ...placesIn(inner, [...path, name])]);
}

/** With another value, or none, for one member; by way of text, so that `__proto__` becomes a member like any other. */
function changed(manifest: unknown, { path: [step, ...deeper], name }: Place, value: unknown): unknown {
	const list = Array.isArray(manifest);
	const members = Object.entries(manifest as object).filter(([key]) => step !== undefined || key !== name);
	const texts = members.map(([key, inner]): [string, string] => [
		key,
		JSON.stringify(key === step ? changed(inner, { path: deeper, name }, value) : inner),
	]);
	if (step === undefined && value !== undefined) texts.push([name, JSON.stringify(value)]);
	const text = texts.map(([key, inner]) => (list ? inner : `${JSON.stringify(key)}:${inner}`)).join(',');
	return JSON.parse(list ? `[${text}]` : `{${text}}`) as unknown;
}

const places = [
	...placesIn(FULL),
	{ path: [], name: 'later' },
	{ path: [], name: '__proto__' },
	{ path: [], name: CHECKSUM },
];
for (const inside of ['proof', 'source', 'tool', 'codec', 'size', 'encryption', 'counts', 'options', 'partial']) {
	for (const name of ['later', '__proto__', 'constructor']) places.push({ path: [inside], name });
}
for (const name of ['later', '__proto__']) places.push({ path: ['encryption', 'pieces'], name });
for (const name of ['later', '__proto__', 'table', 'rows']) places.push({ path: ['parts', '0'], name });
places.push(
	{ path: [], name: 'needs' },
	{ path: [], name: 'checkpoint' },
	{ path: ['tables', '0'], name: 'later' },
	{ path: ['tables', '1', 'sequences', '0'], name: 'later' },
);

const oddValues: unknown[] = [
	undefined,
	null,
	true,
	-1,
	-0.5,
	0,
	1,
	2,
	4,
	1e300,
	256,
	512,
	513,
	2 ** 30,
	2 ** 31,
	'',
	'x',
	'a/b',
	'a\\b',
	HASH,
	`${HASH}\n`,
	HASH.toUpperCase(),
	ID,
	ID.toUpperCase(),
	'2024-02-29T00:00:00Z',
	'2026-02-29T00:00:00Z',
	'2026-04-31T00:00:00.000Z',
	'2026-01-31T24:00:00Z',
	'2026-01-31T02:00Z',
	'2026-01-31T02:00:00+01:00',
	'zstd',
	'brotli',
	'qdrant',
	'mysql',
	[],
	{},
	[1],
	['x'],
	[ID],
	[OTHER_ID, OTHER_ID],
	[OTHER_ID.toUpperCase()],
	Array.from({ length: 5000 }, (_, index) => `${String(index).padStart(8, '0')}-6e0a-4a8f-9d0e-5f1d8c3b7a11`),
	{ x: 1 },
];

/** The quick look against the schema: where it finds something valid, the schema does, and makes the same of it. */
function expectSound(json: unknown): void {
	if (!check(json)) return;
	const [quick, bySchema] = [validated(json, 'here'), manifestSchema.safeParse(json).data];
	if (!isDeepStrictEqual(quick, bySchema)) expect(JSON.stringify(quick)).toBe(JSON.stringify(bySchema));
	expect(isDeepStrictEqual(quick, bySchema)).toBe(true);
}

describe('a checkpoint', () => {
	it('has a format version of its own, which older versions of this package leave alone', () => {
		for (const manifest of [
			{ ...FULL, checkpoint: true },
			{ ...FULL, formatVersion: 4 },
			{ ...FULL, formatVersion: 4, checkpoint: false },
			{ ...FIRST, checkpoint: true },
		]) {
			expect(check(manifest)).toBe(false);
			expect(manifestSchema.safeParse(manifest).success).toBe(false);
		}
	});
});

describe('the quick look at a manifest', () => {
	it('finds valid what backups write', () => {
		for (const manifest of [
			FULL,
			LEAST,
			FIRST,
			CHECKPOINT,
			{ ...FULL, encryption: null, parts: [], tables: [], [CHECKSUM]: HASH },
		]) {
			expect(check(manifest)).toBe(true);
			expectSound(manifest);
		}
	});

	it('finds nothing valid that the schema refuses or changes, whatever single member is another', () => {
		let found = 0;
		for (const manifest of [FULL, LEAST, FIRST]) {
			for (const place of places) {
				if (!(place.path[0] === undefined || place.path[0] in manifest)) continue;
				for (const value of oddValues) {
					const json = changed(manifest, place, value);
					expectSound(json);
					if (check(json)) found++;
				}
			}
		}
		expect(found).toBeGreaterThan(100);
	});

	it('finds nothing valid that the schema refuses or changes, however much of it is another', () => {
		const change = fc.record({
			place: fc.constantFrom(...places),
			value: fc.oneof(fc.constantFrom(...oddValues), fc.jsonValue()),
		});
		fc.assert(
			fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
				let json: unknown = FULL;
				for (const { place, value } of changes) {
					try {
						json = changed(json, place, value);
					} catch {
						// An earlier change took away what this one was to change.
					}
				}
				expectSound(json);
			}),
			{ numRuns: 3000 },
		);
	});

	it('leaves to the schema what is no object', () => {
		for (const value of [undefined, null, [], 'x', 1]) expect(check(value)).toBe(false);
	});
});
