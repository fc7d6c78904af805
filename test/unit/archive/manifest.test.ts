import { describe, expect, it } from 'vitest';

import { formatManifest, parseManifest, type Manifest } from '../../../engine/archive';

const HASH = 'ab'.repeat(32);
const MANIFEST: Manifest = {
	formatVersion: 1,
	id: '4d6f4bd0-6b1c-4f6e-9a70-0d6f3c2b1a00',
	kind: 'postgres',
	name: 'shop',
	file: 'shop_20260131_020000.sql.zst',
	startedAt: '2026-01-31T02:00:00.000Z',
	finishedAt: '2026-01-31T02:00:09.000Z',
	source: { system: 'postgres', version: '18.0', database: 'shop' },
	tool: { name: 'n8n-nodes-stack-backup', version: '0.1.0', pg_dump: '18.0' },
	codec: { name: 'zstd', level: 3 },
	encryption: null,
	size: { raw: 30, compressed: 20, stored: 20 },
	sha256: HASH,
	tables: [{ schema: 'public', name: 't', rows: 2, bytes: 10 }],
	counts: { tables: 1, rows: 2 },
	options: { schemas: ['public'] },
	warnings: ['one'],
	tags: [],
	parts: [
		{ type: 'pre-data', offset: 0, length: 12, rawLength: 20, sha256: HASH },
		{ type: 'data', offset: 12, length: 8, rawLength: 10, sha256: HASH, table: 0, rows: 2 },
	],
};

describe('a manifest', () => {
	it('reads back as it was written, with one line for each part', () => {
		const text = formatManifest(MANIFEST);
		expect(parseManifest(text, 'here')).toEqual(MANIFEST);
		expect(text.split('\n').filter((line) => line.includes('"offset"'))).toHaveLength(2);
		expect(parseManifest(formatManifest({ ...MANIFEST, parts: [] }), 'here').parts).toEqual([]);
	});

	it.each([
		['is no JSON', '{', /not valid JSON/],
		['is null', 'null', /not valid/],
		['is of a later version', JSON.stringify({ ...MANIFEST, formatVersion: 2 }), /format version 2/],
		['names a file elsewhere', JSON.stringify({ ...MANIFEST, file: '../shop.sql' }), /file: must be a plain file name/],
		['has a bad hash', JSON.stringify({ ...MANIFEST, sha256: 'x' }), /sha256/],
		['has a negative size', JSON.stringify({ ...MANIFEST, size: { raw: -1, compressed: 0, stored: 0 } }), /size\.raw/],
		[
			'has rows of a table that it does not list',
			JSON.stringify({ ...MANIFEST, tables: [] }),
			/parts\.1\.table: names a table that is not listed/,
		],
	])('that %s is refused by name', (_what, text, message) => {
		expect(() => parseManifest(text, 'postgres/x.manifest.json')).toThrow(
			expect.objectContaining({ code: 'MANIFEST_INVALID', message: expect.stringMatching(message) as string }),
		);
		expect(() => parseManifest(text, 'postgres/x.manifest.json')).toThrow('postgres/x.manifest.json');
	});

	const text = formatManifest({ ...MANIFEST, source: { ...MANIFEST.source, note: 'é “x” \ud800' }, runId: undefined });

	it('is refused where any value or name in it was changed, be it free text', () => {
		for (const [from, to] of [
			['"one"', '"two"'],
			['"public"', '"publik"'],
			['"database"', '"databasf"'],
			['"kind": "postgres"', '"kind": "postgres-globals"'],
			['18.0', '18.1'],
			['"rows":2}', '"rows":3}'],
			['“x”', '“y”'],
		] as const) {
			expect(text).toContain(from);
			expect(() => parseManifest(text.replace(from, to), 'here')).toThrow(/checksum is wrong/);
		}
	});

	it('may be indented anew, and may be from before it carried a checksum', () => {
		const compact = JSON.stringify(JSON.parse(text));
		expect(parseManifest(compact, 'here')).toEqual(parseManifest(text, 'here'));
		expect(parseManifest(JSON.stringify(MANIFEST), 'here')).toEqual(MANIFEST);
	});

	it('gets a new checksum when it is written again', () => {
		const again = parseManifest(formatManifest({ ...parseManifest(text, 'here'), pinned: true }), 'here');
		expect(again.pinned).toBe(true);
	});
});
