import { describe, expect, it } from 'vitest';

import {
	assertTablesFit,
	formatManifest,
	NewerManifest,
	parseManifest,
	type Manifest,
} from '../../../../engine/archive';
import { assertAuthentic, withProof } from '../../../../engine/archive/manifest/authenticity';
import { bytesOfTables } from '../../../../engine/archive/manifest/many-tables';
import { assertReadable } from '../../../../engine/archive/manifest/room';
import { writingKey } from '../../../../engine/archive/manifest/proof-key';

const HASH = 'ab'.repeat(32);
const MIB = 1024 ** 2;
const FRAME_TABLES = 200;

/** A backup of so many small tables, each frame of which holds 200 of them and the beginning of the next one. */
function manifestOf(count: number, nameOf: (index: number) => string): Manifest {
	const frames = Math.ceil(count / FRAME_TABLES);
	return {
		formatVersion: 2,
		id: '4d6f4bd0-6b1c-4f6e-9a70-0d6f3c2b1a00',
		kind: 'postgres',
		name: 'shop',
		file: 'shop_20260131_020000.sql.zst',
		folder: 'postgres',
		startedAt: '2026-01-31T02:00:00.000Z',
		finishedAt: '2026-01-31T02:00:09.000Z',
		source: { system: 'postgres', version: '18.0', database: 'shop' },
		tool: { name: 'n8n-nodes-stack-backup', version: '0.1.0', pg_dump: '18.0' },
		codec: { name: 'zstd', level: 3 },
		encryption: null,
		size: { raw: 30, compressed: 20, stored: 20 },
		sha256: HASH,
		tables: Array.from({ length: count }, (_, index) => ({
			// In the order of pg_dump: those of one schema follow each other.
			schema: `${Math.floor(index / 1000)}`.padEnd(63, 's'),
			name: nameOf(index),
			rows: 9,
			bytes: 1234,
			...(index % 50_000 === 7 && { sequences: [{ schema: 'other', name: `${index}_seq` }] }),
			...(index === 8 && { sequences: [{ schema: '0'.padEnd(63, 's'), name: 'own_seq' }] }),
		})),
		counts: { tables: count, rows: 9 * count },
		options: {},
		warnings: [],
		tags: [],
		parts: Array.from({ length: frames }, (_, frame) => {
			const first = frame * FRAME_TABLES;
			const tables = Array.from({ length: Math.min(FRAME_TABLES + 1, count - first) }, (_value, at) => first + at);
			return { type: 'tables', offset: frame * 1000, length: 1000, rawLength: 9000, sha256: HASH, tables, rows: 1800 };
		}),
	};
}

const longest = (index: number) => `${index}`.padEnd(63, 'ä').slice(0, 34 + Math.ceil(`${index}`.length / 2));
const versionOf = (text: string) => (JSON.parse(text) as { formatVersion: number }).formatVersion;

describe('a manifest of very many tables', () => {
	it.each([
		['short', (index: number) => `t${index}`, 3],
		['as long as PostgreSQL lets them be', (index: number) => `${index}`.padEnd(63, 'x'), 8],
		['long, and not of ASCII', longest, 8],
	])('of 100,000 with names that are %s reads back and stays small', (_what, nameOf, mebibytes) => {
		const manifest = manifestOf(100_000, nameOf);
		const text = formatManifest(manifest);
		expect(Buffer.byteLength(text)).toBeLessThan(mebibytes * MIB);
		expect(parseManifest(text, 'here')).toEqual(manifest);
	});

	it('has room for all that a backup of rows alone tells of 100,000, with the longest names', () => {
		const name = (index: number, end: string) => `${index}`.padEnd(60, 'x') + end;
		const manifest = manifestOf(100_000, (index) => name(index, ''));
		for (const [index, table] of manifest.tables!.entries())
			table.sequences = [{ schema: table.schema, name: name(index, 'seq') }];
		assertTablesFit(manifest.tables!, 100_000);
		const text = formatManifest(manifest);
		expect(Buffer.byteLength(text)).toBeLessThan(16 * MIB);
		expect(parseManifest(text, 'here')).toEqual(manifest);
	});

	it.each([500, 20_001])('takes no more room than was foreseen before a row of %i was read', (count) => {
		const manifest = manifestOf(count, (index) => `${index}`.padEnd(63, '\u0001'));
		const foreseen = bytesOfTables(manifest.tables!);
		for (const table of manifest.tables!) table.rows = table.bytes = Number.MAX_SAFE_INTEGER;
		const { parts, ...rest } = manifest;
		const text = formatManifest({ ...rest, parts });
		const without = formatManifest({ ...rest, tables: [], parts: parts.map(({ tables: _tables, ...part }) => part) });
		// A table begins on a line of its own.
		expect(text.length - without.length - 6 * count).toBeLessThanOrEqual(foreseen);
		expect(text.length - without.length).toBeGreaterThan(foreseen / 2);
	});

	it('is refused where it would be longer than what is read: before any row is, and before it is stored', () => {
		const manifest = manifestOf(150_000, (index) => `${index}`.padEnd(63, '\u0001'));
		const tooLong = { code: 'SOURCE_FAILED', message: expect.stringContaining('64 MiB') as unknown };
		const attempt = (check: () => void) => {
			try {
				return check();
			} catch (error) {
				return error;
			}
		};
		for (const table of manifest.tables!) table.sequences = [{ schema: table.schema, name: table.name }];
		expect(attempt(() => assertTablesFit(manifest.tables!, 150_000))).toMatchObject(tooLong);
		expect(attempt(() => assertReadable('x'.repeat(64 * MIB + 1), 'here'))).toMatchObject(tooLong);
		expect(attempt(() => assertReadable('x'.repeat(64 * MIB), 'here'))).toBeUndefined();
	});

	it('is known by its format version, which versions of before leave alone; one of fewer tables is written out', () => {
		expect(versionOf(formatManifest(manifestOf(20_001, String)))).toBe(8);
		expect(versionOf(formatManifest(manifestOf(20_000, String)))).toBe(2);
	});

	it('carries the same proof', async () => {
		const manifest = withProof(manifestOf(20_001, String), await writingKey('secret'));
		const read = parseManifest(formatManifest(manifest), 'here');
		const place = { where: 'here', folder: 'postgres' };
		const encryption = { format: 'openpgp', cipher: 'aes256', passphrase: true, recipients: [] } as const;
		await assertAuthentic(read, place, { passphrase: 'secret' });
		const changed = { ...read, encryption: { ...encryption, recipients: [] } };
		await expect(assertAuthentic(changed, place, { passphrase: 'secret' })).rejects.toThrow();
	});

	it('is written out where a later version has added to what is told of a table', () => {
		const manifest = manifestOf(20_001, String);
		Object.assign(manifest.tables![7]!, { owner: 'somebody' });
		const text = formatManifest(manifest);
		expect(versionOf(text)).toBe(2);
		expect(parseManifest(text, 'here')).toEqual(manifest);
	});

	const text = formatManifest(manifestOf(20_001, String));
	const short = JSON.parse(text) as { tables: unknown[]; parts: Array<{ tables: unknown }> };
	const part = { ...short.parts[0]! };

	it('is not what it was with a value in it changed, nor newer than it was', () => {
		expect(text).toContain('["15",9,1234]');
		for (const [from, to] of [
			['["15",9,1234]', '["16",9,1234]'],
			['["15",9,1234]', '["15",8,1234]'],
			['[0,200]', '[0,199]'],
			['[["other","7_seq"]]', '[["other","8_seq"]]'],
			['["own_seq"]', '["own_sef"]'],
			['"formatVersion": 8', '"formatVersion": 9'],
			['"formatVersion": 8', '"formatVersion": 2'],
		] as const) {
			const changed = text.replace(from, to);
			expect(changed).not.toBe(text);
			let failure: unknown;
			try {
				parseManifest(changed, 'here');
			} catch (error) {
				failure = error;
			}
			expect(failure).toMatchObject({ code: 'MANIFEST_INVALID' });
			expect(failure).not.toBeInstanceOf(NewerManifest);
		}
	});

	it.each([
		['tables that are none', { tables: 7 }],
		['a table that is none', { tables: [{ schema: 'public', tables: [null] }] }],
		['parts that are none', { parts: null }],
		['a run that ends before it begins', { parts: [{ ...part, tables: [[5, 4]] }] }],
		['a run without an end', { parts: [{ ...part, tables: [[0]] }] }],
		['a run that is none', { parts: [{ ...part, tables: [null] }] }],
		['a run of more tables than there are', { parts: [{ ...part, tables: [[0, 9_000_000_000]] }] }],
		['many parts of all tables', { parts: Array.from({ length: 1000 }, () => ({ ...part, tables: [[0, 20_000]] })) }],
	])('is refused with %s', (_what, changes) => {
		const forged = JSON.stringify({ ...short, ...changes });
		expect(() => parseManifest(forged, 'here')).toThrow('not listed as they should be');
	});
});
