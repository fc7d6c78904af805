import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { formatManifest, type Manifest, type ManifestPart, type ManifestTable } from '../../../../engine/archive';
import { frameBytes, frameSizeFor, type FrameSizes } from '../../../../engine/archive/write/frame-size';
import { frameSizesFor } from '../../../../engine/postgres/dump/frameBuffers';

const MEBIBYTE = 1024 ** 2;
const TERABYTE = 1024 ** 4;
const FRAME_SIZES = frameSizesFor(2);
const SNAPSHOT_SIZES: FrameSizes = { smallest: frameBytes(2), largest: frameBytes(16) };
const SHA256 = 'ab'.repeat(32);

/** The parts of an archive of some tables of these raw bytes, one after the other, without their content. */
function partsOf(tables: readonly number[], sizes: FrameSizes, type: string): ManifestPart[] {
	const parts: ManifestPart[] = [];
	let offset = 0;
	for (const [table, bytes] of tables.entries()) {
		for (let left = bytes; left > 0;) {
			const rawLength = Math.min(left, frameSizeFor(sizes, offset));
			// As large as it may be: nothing compresses.
			parts.push({ type, offset, length: rawLength, rawLength, sha256: SHA256, table, rows: 123_456_789 });
			offset += rawLength;
			left -= rawLength;
		}
	}
	return parts;
}

function manifestBytes(parts: ManifestPart[], tables?: ManifestTable[]): number {
	const manifest = {
		formatVersion: 2,
		id: '4d6f4bd0-6b1c-4f6e-9a70-0d6f3c2b1a00',
		file: 'shop.sql',
		counts: {},
		parts,
		...(tables && { tables }),
	};
	return formatManifest(manifest as unknown as Manifest).length;
}

const tablesOf = (bytes: readonly number[]): ManifestTable[] =>
	bytes.map((size, table) => ({ schema: 'public', name: `table_${table}`, rows: 123_456_789, bytes: size }));

describe('the frames of an archive, simulated without its data', () => {
	it.each([
		['one table of 5 TB', [5 * TERABYTE]],
		['one huge table and 3,000 small ones', [5 * TERABYTE, ...Array.from({ length: 3000 }, () => 100_000)]],
		['500 tables of 10 GB', Array.from({ length: 500 }, () => 10 * 1024 ** 3)],
	])('are few enough for a small manifest: PostgreSQL, %s', (_what, tables) => {
		for (const sizes of [FRAME_SIZES, frameSizesFor(6), frameSizesFor(16)]) {
			const parts = partsOf(tables, sizes, 'data');
			expect(parts.length).toBeLessThan(24_000);
			expect(manifestBytes(parts, tablesOf(tables))).toBeLessThan(8 * MEBIBYTE);
		}
	});

	it('are few enough for a small manifest: a snapshot of Qdrant of 5 TB, and one of 50 TB', () => {
		const parts = partsOf([5 * TERABYTE], SNAPSHOT_SIZES, 'snapshot');
		expect(parts.length).toBeLessThan(22_000);
		expect(manifestBytes(parts)).toBeLessThan(5 * MEBIBYTE);
		expect(manifestBytes(partsOf([50 * TERABYTE], SNAPSHOT_SIZES, 'snapshot'))).toBeLessThan(8 * MEBIBYTE);
	});

	it('are as small as ever in an archive of some gigabytes', () => {
		expect(
			new Set(
				partsOf([30 * 1024 ** 3], FRAME_SIZES, 'data')
					.slice(0, -1)
					.map(({ rawLength }) => rawLength),
			),
		).toEqual(new Set([frameBytes(8)]));
	});
});

describe('the size of a frame', () => {
	it('never shrinks as the archive grows, and is one that memory was made for, or a stream', () => {
		const bytes = fc.integer({ min: 0, max: 20 * TERABYTE });
		fc.assert(
			fc.property(bytes, bytes, (a, b) => {
				for (const sizes of [FRAME_SIZES, frameSizesFor(6), SNAPSHOT_SIZES]) {
					const [first, second] = [frameSizeFor(sizes, Math.min(a, b)), frameSizeFor(sizes, Math.max(a, b))];
					expect(first).toBeLessThanOrEqual(second);
					const held = [sizes.smallest, 2 * sizes.smallest, 4 * sizes.smallest, sizes.largest];
					expect(held.includes(first) || first >= 1024 ** 3).toBe(true);
				}
			}),
		);
	});

	it('leaves room for content that does not compress in a buffer of a power of two', () => {
		for (const mebibytes of [2, 8, 10, 12, 16]) {
			const raw = frameBytes(mebibytes);
			expect(raw + (raw >> 7) + 1024).toBeLessThan(mebibytes * MEBIBYTE);
		}
	});
});
