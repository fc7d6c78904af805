import { describe, expect, it } from 'vitest';

import { formatManifest, manifestDocument, parseManifest, type Manifest } from '../../../../engine/archive';
import { MAX_NEEDS } from '../../../../engine/archive/manifest/manifest';
import { BackupError } from '../../../../engine/errors';

const HASH = 'ab'.repeat(32);
const OTHER = '0b6a3a52-6e0a-4a8f-9d0e-5f1d8c3b7a11';
const others = (count: number) =>
	Array.from({ length: count }, (_, index) => `${String(index).padStart(8, '0')}-6e0a-4a8f-9d0e-5f1d8c3b7a11`);
const MANIFEST: Manifest & { folder: string } = {
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

/** Of before manifests had to carry a checksum. */
const { folder: _folder, ...withoutFolder } = MANIFEST;
const FIRST: Manifest = { ...withoutFolder, formatVersion: 1 };
/** With the checksum that it needs. */
const stated = (changes: object) => JSON.stringify(manifestDocument({ ...MANIFEST, ...changes }));

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
		['names a file elsewhere', stated({ file: '../shop.sql' }), /file: must be a plain file name/],
		['has a bad hash', stated({ sha256: 'x' }), /sha256/],
		['needs itself', stated({ needs: [MANIFEST.id] }), /needs: names the backup itself/],
		['needs another one twice', stated({ needs: [OTHER, OTHER.toUpperCase(), OTHER] }), /needs: .* another one twice/],
		['needs more than there can be', stated({ needs: others(MAX_NEEDS + 1) }), /needs: /],
		['needs what is no id', stated({ needs: ['../shop'] }), /needs\.0/],
		['has a negative size', stated({ size: { raw: -1, compressed: 0, stored: 0 } }), /size\.raw/],
		[
			'has rows of a table that it does not list',
			stated({ tables: [] }),
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
		expect(parseManifest(JSON.stringify(FIRST), 'here')).toEqual(FIRST);
		expect(parseManifest(formatManifest(FIRST), 'here')).toEqual(FIRST);
		const edited = formatManifest(FIRST).replace('"one"', '"two"');
		expect(() => parseManifest(edited, 'here')).toThrow(/checksum is wrong/);
	});

	it('may have its members in any order, as programs that sort them leave it', () => {
		const sorted = (value: unknown): unknown =>
			Array.isArray(value)
				? value.map(sorted)
				: typeof value === 'object' && value !== null
					? Object.fromEntries(
							Object.entries(value)
								.sort(([a], [b]) => (a < b ? -1 : 1))
								.map(([name, inner]) => [name, sorted(inner)]),
						)
					: value;
		expect(parseManifest(JSON.stringify(sorted(JSON.parse(text))), 'here')).toEqual(parseManifest(text, 'here'));
	});

	it('is not what it was with any single bit flipped, unless that means nothing', () => {
		const right = parseManifest(text, 'here');
		const bytes = Buffer.from(text);
		let meaningless = 0;
		for (let bit = 0; bit < bytes.length * 8; bit++) {
			const changed = Buffer.from(bytes);
			changed[bit >> 3]! ^= 1 << (bit & 7);
			try {
				expect(parseManifest(changed.toString('utf8'), 'here')).toEqual(right);
				meaningless++;
			} catch (error) {
				if (!(error instanceof BackupError)) throw error;
			}
		}
		expect(meaningless).toBeLessThan(bytes.length * 8 * 0.05);
	});

	it('is refused with any run of its bytes cut out, unless that means nothing', () => {
		const right = parseManifest(text, 'here');
		const at = [...text.matchAll(/"manifestSha256"/g)][0]!.index;
		const cuts = [[at - 3, text.indexOf('\n', at)]];
		for (let start = 0; start < text.length; start += 7) {
			for (let length = 1; start + length <= text.length; length += 61) cuts.push([start, start + length]);
		}
		for (const [start, end] of cuts) {
			try {
				expect(parseManifest(text.slice(0, start) + text.slice(end), 'here')).toEqual(right);
			} catch (error) {
				if (!(error instanceof BackupError)) throw error;
			}
		}
	});

	it('of this version is refused without its checksum, and with another version', () => {
		const { manifestSha256: _checksum, ...bare } = manifestDocument(MANIFEST);
		expect(() => parseManifest(JSON.stringify(bare), 'here')).toThrow('has lost its checksum');
		for (const formatVersion of [1, 0, 1.5, '2', null]) {
			expect(() => parseManifest(JSON.stringify({ ...bare, formatVersion }), 'here')).toThrow(BackupError);
		}
	});

	it('is refused where it hides members, or is nested deeper than can be read', () => {
		const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
		for (const [version, more] of [
			[2, `"options":{"__proto__":{"x":1}}`],
			[2, `"options":${deep}`],
			[1, `"manifestSha256":"x","options":${deep}`],
		]) {
			const hostile = `{"formatVersion":${version},"manifestSha256":"${HASH}",${more}}`;
			expect(() => parseManifest(hostile, 'here')).toThrow(BackupError);
		}
	});

	it('may need as many other archives as the limit says', () => {
		const needs = others(MAX_NEEDS);
		expect(parseManifest(formatManifest({ ...MANIFEST, needs }), 'here').needs).toEqual(needs);
	});

	it('gets a new checksum when it is written again', () => {
		const again = parseManifest(formatManifest({ ...parseManifest(text, 'here'), pinned: true }), 'here');
		expect(again.pinned).toBe(true);
	});
});
