import { randomUUID } from 'node:crypto';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Manifest } from '../../../engine/archive';
import { findAnomalies } from '../../../engine';

const HASH = 'ab'.repeat(32);
let day = 0;

/** Each one a day later than the one before. */
function backup(fields: { stored?: number; rows?: number; seconds?: number } & Partial<Manifest> = {}): Manifest {
	const { stored = 7_100_000, rows = 1000, seconds = 60, ...rest } = fields;
	const started = Date.UTC(2026, 0, ++day);
	return {
		formatVersion: 1,
		id: randomUUID(),
		kind: 'postgres',
		name: 'shop',
		file: 'shop.sql.zst',
		startedAt: new Date(started).toISOString(),
		finishedAt: new Date(started + seconds * 1000).toISOString(),
		source: { system: 'postgresql', version: '18.0' },
		tool: { name: 'x', version: '1' },
		codec: { name: 'zstd' },
		encryption: null,
		size: { raw: stored * 5, compressed: stored, stored },
		sha256: HASH,
		parts: [],
		counts: { tables: 3, rows },
		options: {},
		warnings: [],
		tags: [],
		...rest,
	};
}

const many = (count: number, fields: (index: number) => Parameters<typeof backup>[0] = () => ({})) =>
	Array.from({ length: count }, (_, index) => backup(fields(index)));
/** Of a backup after those. */
const messages = (fields: Parameters<typeof backup>[0], before: Manifest[], options = {}) =>
	findAnomalies(backup(fields), before, options).map(({ message }) => message);

describe('anomalies', () => {
	it('are none of WAL, of which there is as much as was written', () => {
		const before = many(10, () => ({ kind: 'postgres-wal', stored: 400_000_000 }));
		expect(messages({ kind: 'postgres-wal', stored: 300 }, before)).toEqual([]);
		expect(
			messages(
				{ kind: 'postgres-base', stored: 300 },
				many(10, () => ({ kind: 'postgres-base' })),
			),
		).toHaveLength(1);
	});

	it('are none where a whole backup stands among increments, which hold as much', () => {
		const counts = { files: 500, bytes: 7_000_000 };
		const increments = many(10, () => ({ kind: 'files', stored: 20_000, counts, needs: [randomUUID()] }));
		const [whole] = many(1, () => ({ kind: 'files', counts }));
		const before = [whole!, ...increments];
		expect(messages({ kind: 'files', counts }, before)).toEqual([]);
		expect(messages({ kind: 'files', counts, needs: [whole!.id], stored: 3_000_000 }, before)).toEqual([
			'The stored size, 3.0 MB, is 14900 % above 20.0 kB, the median of the last 10 backups.',
		]);
		expect(messages({ kind: 'files', counts: { files: 500, bytes: 1_000_000 } }, before)).toEqual([
			'The size of the files, 1.0 MB, is 86 % below 7.0 MB, the median of the last 11 backups.',
		]);
	});

	it('are told with their figures', () => {
		const before = many(14, (index) => ({ stored: 7_100_000 + index * 100 - 700 }));
		expect(messages({ stored: 1_200_000 }, before)).toEqual([
			'The stored size, 1.2 MB, is 83 % below 7.1 MB, the median of the last 14 backups.',
		]);
		expect(messages({ seconds: 600 }, before)).toEqual([
			'The duration, 600 s, is 900 % above 60.0 s, the median of the last 14 backups.',
		]);
		expect(messages({ rows: 2000 }, before)[0]).toMatch(/number of rows, 2000, is 100 % above 1000/);
	});

	it('are none where a backup follows the trend, be all of it alike', () => {
		expect(messages({ stored: 7_100_001, rows: 1001, seconds: 61 }, many(20))).toEqual([]);
		const growing = many(20, (index) => ({ stored: 1_000_000 + index * 50_000, rows: 100 + index }));
		expect(messages({ stored: 2_000_000, rows: 120 }, growing)).toEqual([]);
	});

	it('are not looked for with too few backups before it', () => {
		expect(messages({ stored: 5 }, many(4))).toEqual([]);
		expect(messages({ stored: 5 }, many(4), { minSamples: 3 })).toHaveLength(1);
	});

	it('always tell that rows have dropped to none', () => {
		expect(messages({ rows: 0 }, many(1))).toEqual(['It holds no rows; the backup before it held 1000.']);
		expect(
			messages(
				{ rows: 0 },
				many(9, () => ({ rows: 0 })),
			),
		).toEqual([]);
		const points = (count: number) => backup({ kind: 'qdrant', counts: { points: count } });
		expect(messages(points(0), [points(5)])).toEqual([]);
		const [before, now] = [points(5), points(0)];
		expect(messages(now, [before])).toEqual(['It holds no points; the backup before it held 5.']);
	});

	it('are told in the words of the kind of backup', () => {
		const held = (kind: 'files' | 'minio', files: number) => backup({ kind, counts: { files } });
		for (const [kind, noun] of [
			['files', 'files'],
			['minio', 'objects'],
		] as const) {
			const before = Array.from({ length: 5 }, () => held(kind, 100));
			expect(messages(held(kind, 10), before)).toEqual([expect.stringMatching(`^The number of ${noun}, 10, is 90 %`)]);
			expect(messages(held(kind, 0), before)).toEqual([`It holds no ${noun}; the backup before it held 100.`]);
		}
	});

	it('compare like with like', () => {
		const partial = { content: 'all' as const, selection: ['--table=a', '--table=b'] };
		const others = [
			...many(9, () => ({ name: 'other', stored: 1 })),
			...many(9, () => ({ kind: 'qdrant' as const, stored: 1 })),
			...many(9, () => ({ partial, stored: 100, rows: 10 })),
			...many(9, () => ({ codec: { name: 'none' as const }, stored: 1 })),
		];
		expect(messages({}, others)).toEqual([]);
		const turned = { content: 'all' as const, selection: ['--table=b', '--table=a'] };
		expect(messages({ partial: turned, stored: 900, rows: 10 }, others)).toHaveLength(1);
	});

	it('look at the newest backups of the window, never at later ones', () => {
		const old = many(10, () => ({ stored: 100 }));
		const before = many(10);
		const now = backup({ stored: 7_000_000 });
		const later = many(30, () => ({ stored: 100 }));
		expect(messages(now, [...later, ...old, ...before], { window: 10 })).toEqual([]);
		expect(messages(later[0], [...later, ...old, ...before, now], { window: 10, measures: ['size'] })).toHaveLength(1);
	});

	it('are never told of a value among those before it that lies within the least share', () => {
		fc.assert(
			fc.property(fc.array(fc.nat(1_000_000), { minLength: 5, maxLength: 40 }), fc.nat(1_000_000), (sizes, size) => {
				const before = sizes.map((stored) => backup({ stored }));
				const sorted = sizes.slice(-30).sort((a, b) => a - b);
				const half = sorted.length >> 1;
				const median = sorted.length % 2 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
				const found = findAnomalies(backup({ stored: size }), before, { measures: ['size'] });
				if (Math.abs(size - median) < 0.3 * median) expect(found).toEqual([]);
				for (const { message } of found) expect(message).not.toMatch(/NaN|Infinity/);
			}),
		);
	});
});
