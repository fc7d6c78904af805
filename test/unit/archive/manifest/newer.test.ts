import { describe, expect, it } from 'vitest';

import { formatManifest, NewerManifest, parseManifest, type Manifest } from '../../../../engine/archive';
import { MAX_NEEDS } from '../../../../engine/archive/manifest/manifest';
import { asNewer } from '../../../services/newer-manifest';

const OTHER = '0b6a3a52-6e0a-4a8f-9d0e-5f1d8c3b7a11';
const MANIFEST: Manifest = {
	formatVersion: 2,
	id: '4d6f4bd0-6b1c-4f6e-9a70-0d6f3c2b1a00',
	kind: 'files',
	name: 'shop',
	file: 'shop_20260131_020000.tar.zst',
	folder: 'files',
	startedAt: '2026-01-31T02:00:00.000Z',
	finishedAt: '2026-01-31T02:00:09.000Z',
	source: { system: 'files', version: '1' },
	tool: { name: 'n8n-nodes-stack-backup', version: '0.1.0' },
	codec: { name: 'zstd', level: 3 },
	encryption: null,
	size: { raw: 30, compressed: 20, stored: 20 },
	sha256: 'ab'.repeat(32),
	counts: {},
	needs: [OTHER],
	options: {},
	warnings: [],
	tags: [],
	parts: [],
};

const written = (changes: object) => asNewer(MANIFEST, changes);

function failureOf(text: string): unknown {
	try {
		return parseManifest(text, 'files/x.manifest.json');
	} catch (error) {
		return error;
	}
}

describe('a manifest that a newer version has made', () => {
	it.each([
		['of a later format', { formatVersion: 3 }, /has the format version 3/],
		['of a later format whose members are all others', { formatVersion: 7, codec: 'x', parts: 7 }, /format version 7/],
		['of an unknown kind', { kind: 'mysql' }, /is of the kind mysql/],
		['compressed in an unknown way', { codec: { name: 'brotli', quality: 5 } }, /is compressed by brotli/],
		['encrypted in an unknown way', { encryption: { format: 'age', recipients: 3 } }, /is encrypted as age/],
	])('%s says so, and is not called damaged', (_what, changes, message) => {
		const error = failureOf(written(changes));
		expect(error).toBeInstanceOf(NewerManifest);
		expect(error).toMatchObject({
			code: 'MANIFEST_NEWER',
			message: expect.stringMatching(
				/^The manifest files\/x\.manifest\.json was made by a newer version of n8n-nodes-stack/,
			),
			hint: expect.stringContaining('Update the n8n-nodes-stack-backup package'),
			id: MANIFEST.id,
			kind: 'kind' in changes ? changes.kind : 'files',
			needs: [OTHER],
		});
		expect((error as Error).message).toMatch(message);
	});

	it('may have a checksum of another sort, or none, where its format is a later one', () => {
		for (const manifestSha256 of [undefined, null, 'blake3:00', { deep: 1 }]) {
			const text = JSON.stringify({ ...MANIFEST, formatVersion: 3, manifestSha256 });
			expect(failureOf(text)).toBeInstanceOf(NewerManifest);
		}
	});

	it('is not what a damaged one of this version is taken for', () => {
		const text = formatManifest(MANIFEST);
		const at = text.indexOf('"formatVersion": 2') + '"formatVersion": '.length;
		let numbers = 0;
		for (const digit of '03456789') {
			const changed = `${text.slice(0, at)}${digit}${text.slice(at + 1)}`;
			expect(failureOf(changed)).toMatchObject({ code: 'MANIFEST_INVALID' });
			numbers++;
		}
		expect(numbers).toBe(8);
		for (const [from, to] of [
			['"kind": "files"', '"kind": "filet"'],
			['"name": "zstd"', '"name": "zste"'],
		] as const) {
			expect(failureOf(text.replace(from, to))).toMatchObject({ code: 'MANIFEST_INVALID' });
		}
	});

	it.each([
		['its kind is no name', { kind: 'My SQL\u0007' }],
		['its kind is longer than any', { kind: 'a'.repeat(65) }],
		['its codec has no name', { codec: { name: ['x'] } }],
		['its version is no whole number', { formatVersion: 2.5 }],
		['its version is a text', { formatVersion: '3' }],
		['it is of a version before there was anything else', { formatVersion: 1, kind: 'mysql', folder: undefined }],
	])('is not what it is taken for where %s', (_what, changes) => {
		expect(failureOf(written(changes))).toMatchObject({ code: 'MANIFEST_INVALID' });
	});

	it('is believed in what it needs only as far as that can be', () => {
		const many = Array.from({ length: 9000 }, (_, index) => `${String(index).padStart(8, '0')}${OTHER.slice(8)}`);
		const needsOf = (needs: unknown) => (failureOf(written({ formatVersion: 3, needs })) as NewerManifest).needs;
		expect(needsOf(many)).toEqual(many.slice(0, MAX_NEEDS));
		expect(needsOf([1, '../x', OTHER, null, { id: OTHER }])).toEqual([OTHER]);
		for (const needs of [undefined, null, 'x', { length: 5 }]) expect(needsOf(needs)).toEqual([]);
		const isUnclear = (needs: unknown) =>
			(failureOf(written({ formatVersion: 3, needs })) as NewerManifest).mayNeedMore;
		expect([many, [1, OTHER], null, 'x', { full: OTHER }].map(isUnclear)).toEqual(Array(5).fill(true));
		expect([[], [OTHER], many.slice(0, MAX_NEEDS)].map(isUnclear)).toEqual([false, false, false]);
		const error = failureOf(written({ formatVersion: 3, id: 'x', kind: 7 })) as NewerManifest;
		expect([error.id, error.kind]).toEqual([undefined, undefined]);
	});
});
