import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';

import type { ManifestSummary } from '../../../../../engine/archive';
import {
	clustersIn,
	coverageOf,
	CoverageCollector,
	noteReached,
} from '../../../../../engine/postgres/physical/coverage';
import { formatLsn, parseLsn } from '../../../../../engine/postgres/physical/lsn';
import { FolderStorage } from '../../../../../engine/storage';

const SEGMENT = 16 * 1024 * 1024;
const folder = mkdtempSync(join(tmpdir(), 'collect-'));
const storage = new FolderStorage({ root: folder });
afterAll(() => rmSync(folder, { recursive: true }));

const at = (segments: number) => formatLsn(BigInt(Math.round(segments * SEGMENT)));
const time = (minute: number) => new Date(Date.UTC(2026, 5, 1) + minute * 60_000).toISOString();
const LATEST = Date.UTC(2027, 0);
let serial = 0;

function manifest(kind: string, source: object, more: Partial<ManifestSummary> = {}): ManifestSummary {
	const id = `id ${serial++}`;
	const size = { raw: 1, compressed: 1, stored: 10 };
	const startedAt = time(serial);
	const facts = { systemIdentifier: '7', timeline: 1, segmentBytes: SEGMENT, ...source };
	return {
		...{ id, kind, name: 'main', source: facts, size, startedAt, finishedAt: startedAt },
		...more,
	} as ManifestSummary;
}

const base = (start: number, end: number, more: Partial<ManifestSummary> = {}) =>
	manifest('postgres-base', { startLsn: at(start), endLsn: at(end), endTime: time(end) }, more);
const wal = (start: number, end: number, source: object = {}) => {
	const times = { firstTime: time(start), lastTime: time(end), endTime: null, partialSegment: false };
	return manifest('postgres-wal', { startLsn: at(start), endLsn: at(end), ...times, ...source });
};

async function told(manifests: readonly ManifestSummary[], failed: string[] = [], signs: { position: string }[] = []) {
	const collector = new CoverageCollector();
	for (const one of manifests) collector.take(one, `key ${one.id}`, true);
	return await collector.recoverable(storage, {
		failed: new Set(failed),
		signs: signs.map(({ position }) => ({ system: '7', timeline: 1, at: time(5000), position })),
		latest: LATEST,
		signal: undefined,
	});
}

describe('what can be recovered, by manifests that come one by one', () => {
	it('is the same as of all of them at once, however many there are and in whatever order they come', async () => {
		const draft = fc.array(fc.record({ length: fc.constantFrom(0.5, 1, 2), isThere: fc.boolean() }), {
			minLength: 1,
			maxLength: 40,
		});
		await fc.assert(
			fc.asyncProperty(
				draft,
				fc.integer({ min: 1, max: 12 }),
				fc.infiniteStream(fc.nat()),
				async (parts, times, order) => {
					const all: ManifestSummary[] = [];
					let place = 1;
					for (let round = 0; round < times; round++) {
						all.push(base(place, place + 0.25));
						for (const { length, isThere } of parts) {
							// Most are there, so that there are long runs without a gap.
							if (isThere || round % 3 > 0) all.push(wal(place, place + length));
							place += length;
						}
					}
					const mixed = all.map((one) => ({ one, rank: order.next().value as number }));
					const [found] = await told(mixed.sort((a, b) => a.rank - b.rank).map(({ one }) => one));
					const listed = all.map((one) => ({ manifest: one, key: '', foundSize: 10 }));
					const { windows, gaps } = coverageOf(clustersIn(listed).get('7')!);
					expect(
						found!.windows.map(({ fromPosition, toPosition, bases }) => [fromPosition, toPosition, bases]),
					).toEqual(
						windows.map(({ startLsn, endLsn, bases }) => [formatLsn(startLsn), formatLsn(endLsn), bases.length]),
					);
					expect(found!.windows.map(({ to }) => to)).toEqual(
						windows.map(({ endTime, startTime }) =>
							endTime !== undefined && endTime >= startTime ? endTime : startTime,
						),
					);
					expect(found!.gaps.map(({ fromPosition, after, before }) => [fromPosition, after, before])).toEqual(
						gaps.map(({ startLsn, after, before }) => [formatLsn(startLsn), after, before]),
					);
				},
			),
			{ numRuns: 30 },
		);
	});

	it('tells gaps that are open, healed, and no gaps yet', async () => {
		const states = async (manifests: ManifestSummary[]) =>
			(await told(manifests))[0]!.gaps.map(({ state, fromPosition }) => [state, fromPosition]);
		const before = [base(1, 1.5), wal(1, 3)];
		expect(await states(before)).toEqual([]);
		expect(await states([...before, wal(4, 6)])).toEqual([['open', at(3)]]);
		expect(await states([...before, wal(4, 6), base(5, 5.5)])).toEqual([['healed', at(3)]]);
		// Of a base backup whose WAL is archived in a minute nothing is lost.
		expect(await states([...before, base(3, 3.5)])).toEqual([['pending', at(3)]]);
		expect(await states([base(3, 3.5)])).toEqual([['pending', at(3)]]);
	});

	it('passes over what is not there, what failed its verification, and copies of the same', async () => {
		const [one, two] = [base(1, 1.5), base(5, 5.5)];
		const manifests = [one, one, two, wal(1, 3), wal(3, 9)];
		expect((await told(manifests))[0]).toMatchObject({ bases: 2, pieces: 2, windows: [{ bases: 2 }] });
		expect((await told(manifests, [two.id]))[0]).toMatchObject({ windows: [{ bases: 1 }] });
		expect((await told(manifests, [manifests.at(-1)!.id]))[0]?.windows).toMatchObject([{ toPosition: at(3) }]);
		const collector = new CoverageCollector();
		collector.take(one, 'key', false);
		expect(
			await collector.recoverable(storage, { failed: new Set(), signs: [], latest: LATEST, signal: undefined }),
		).toEqual([]);
	});

	it('leaves out what an old primary wrote behind the place where it was left', async () => {
		const history = [{ timeline: 1, endLsn: at(4) }];
		const second = { timeline: 2, history };
		const manifests = [base(1, 1.5), wal(1, 5), wal(7, 9), wal(4, 6, second)];
		const [found] = await told(manifests);
		expect(found!.windows.at(-1)).toMatchObject({ timeline: 2, toPosition: at(6) });
		expect(found!.gaps).toEqual([]);
		// Whoever archives the first one still says so: then the second is a trial that nobody goes on with.
		await noteReached(storage, '7', { timeline: 1, lsn: parseLsn(at(9)), at: time(4000) });
		const [trial] = await told(manifests);
		await storage.remove('.stack-backup/wal/7.json');
		expect(trial!.windows.at(-1)).toMatchObject({ timeline: 1, toPosition: at(5) });
		expect(trial!.gaps).toMatchObject([{ state: 'open', fromPosition: at(5) }]);
	});

	it('reaches to the moment at which all was seen stored, whoever has seen it, and never beyond what is stored', async () => {
		const quiet = [base(1, 1.5), wal(1, 3)];
		const [unseen] = await told(quiet);
		expect(unseen).toMatchObject({ seenAt: undefined, windows: [{ to: time(3), lastTransaction: time(3) }] });
		const [asked] = await told(quiet, [], [{ position: at(3) }]);
		expect(asked).toMatchObject({ seenAt: time(5000), windows: [{ to: time(5000), lastTransaction: time(3) }] });
		expect((await told(quiet, [], [{ position: at(3.1) }]))[0]?.windows[0]?.to).toBe(time(3));
		await noteReached(storage, '7', { timeline: 1, lsn: parseLsn(at(2.5)), at: time(4000) });
		expect((await told(quiet))[0]).toMatchObject({ seenAt: time(4000), windows: [{ to: time(4000) }] });
		// A note of a clock that is ahead, or of another timeline, tells nothing.
		await noteReached(storage, '7', { timeline: 1, lsn: 0n, at: new Date(LATEST + 1).toISOString() });
		expect((await told(quiet))[0]?.windows[0]?.to).toBe(time(3));
		await noteReached(storage, '7', { timeline: 2, lsn: 0n, at: time(4000) });
		expect((await told(quiet))[0]?.windows[0]?.to).toBe(time(3));
		await storage.replace('.stack-backup/wal/7.json', Buffer.from('{"formatVersion":1,"lsn":"x"}'));
		expect((await told(quiet))[0]?.seenAt).toBeUndefined();
	});
});
