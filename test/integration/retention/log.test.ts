import { describe, expect, it } from 'vitest';

import { createArchive, listManifests, manifestKeyOf } from '../../../engine/archive';
import { clustersIn, coverageOf } from '../../../engine/postgres/physical/coverage';
import { formatLsn } from '../../../engine/postgres/physical/lsn';
import { nextDeletions } from '../../../engine/report';
import { prune as pruneWithoutSystems, type RetentionPolicy } from '../../../engine/retention';
import type { Storage } from '../../../engine/storage';
import { prune, readState } from '../../../engine/systems';
import { backupsIn, DAY_MS, temporaryStorage } from './support';

const SEGMENT = 16 * 1024 * 1024;
const SYSTEM = '7301234567890123456';
const timeOf = (daysAgo: number) => new Date(Date.now() - daysAgo * DAY_MS).toISOString();
/** A segment a day, now at 100. */
const lsnOf = (daysAgo: number) => formatLsn(BigInt(Math.round((100 - daysAgo) * SEGMENT)));

async function write(
	storage: Storage,
	kind: 'postgres-base' | 'postgres-wal',
	{ from, to, source = {}, needs = [] }: { from: number; to: number; source?: object; needs?: string[] },
): Promise<{ id: string; key: string }> {
	const writer = await createArchive({
		storage,
		folder: kind.replace('-', '/'),
		name: 'main',
		extension: 'tar',
		kind,
		startedAt: new Date(timeOf(from)),
		codec: { name: 'none' },
	});
	await writer.frame({ type: 'data' }, Buffer.from(`${kind} from ${from} to ${to}`));
	const place = { timeline: 1, startLsn: lsnOf(from), endLsn: lsnOf(to), segmentBytes: SEGMENT };
	const { id } = await writer.commit({
		source: {
			system: 'PostgreSQL',
			version: '18.1',
			systemIdentifier: SYSTEM,
			...place,
			endTime: timeOf(to),
			...source,
		},
		counts: {},
		...(needs.length > 0 && { needs }),
	});
	return { id, key: writer.key };
}

const base = (storage: Storage, from: number, needs: string[] = []) =>
	write(storage, 'postgres-base', { from, to: from - 0.25, needs, source: { incremental: needs.length > 0 } });
const wal = (storage: Storage, from: number, to: number, isPartial = false) =>
	write(storage, 'postgres-wal', { from, to, source: { partialSegment: isPartial } });

/** A full base backup every ten days, an increment five days after it, and the WAL of each five days, up to now. */
async function clusterIn(storage: Storage): Promise<Map<string, string>> {
	const keys = new Map<string, string>();
	for (const day of [30, 20, 10]) {
		const full = await base(storage, day);
		const increment = await base(storage, day - 5, [full.id]);
		keys.set(`base ${day}`, full.key).set(`base ${day - 5}`, increment.key);
		keys.set(`wal ${day}`, (await wal(storage, day, day - 5)).key);
		keys.set(`wal ${day - 5}`, (await wal(storage, day - 5, day - 10)).key);
	}
	keys.set('covered', (await wal(storage, 1, 0.75, true)).key);
	return keys;
}

const POLICY: RetentionPolicy = { rules: { last: 1 }, maxDeletedShare: 1 };

async function windowsIn(storage: Storage) {
	const { backups } = await listManifests(storage, '', {});
	return coverageOf(clustersIn(backups).get(SYSTEM)!).windows;
}

describe('WAL under retention', () => {
	it('goes up to the base backup with which the recovery window begins, and what is left brings back every moment of it', async () => {
		const storage = temporaryStorage();
		const keys = await clusterIn(storage);
		const [before] = await windowsIn(storage);
		const dry = await prune({ storage, policy: POLICY, owner: 'test', dryRun: true });
		const report = await prune({ storage, policy: POLICY, owner: 'test' });
		expect(dry.rows).toEqual(report.rows);
		const gone = [...keys].filter(([, key]) => report.deleted.some((entry) => entry.key === key)).map(([what]) => what);
		expect(gone.sort()).toEqual(['base 15', 'base 20', 'base 25', 'base 30', 'covered', 'wal 20', 'wal 25', 'wal 30']);
		expect(report.logs).toMatchObject([
			{
				name: 'main',
				kept: 3,
				deleted: 4,
				reasons: [`the recovery window of 7 days begins with the base backup ${keys.get('base 10')}`],
			},
		]);
		const [after, ...others] = await windowsIn(storage);
		expect(others).toEqual([]);
		expect(after).toMatchObject({ timeline: 1, endLsn: before!.endLsn, endTime: before!.endTime });
		expect(Date.parse(after!.startTime)).toBeLessThan(Date.now() - 7 * DAY_MS);
		expect((await prune({ storage, policy: POLICY, owner: 'test' })).deleted).toEqual([]);
	});

	it('is told by the forecast, one line for a cluster', async () => {
		const storage = temporaryStorage();
		await clusterIn(storage);
		await prune({ storage, policy: { ...POLICY, wal: { days: 12 } }, owner: 'test' });
		const state = await readState(storage, { forForecast: true });
		const next = await nextDeletions(storage, state, { now: new Date() });
		expect(next).toMatchObject({ count: 0, logs: [{ name: 'main', kept: 4 }] });
		expect(next!.logs[0]!.reason).toMatch(
			/^the recovery window of 12 days begins with the base backup postgres\/base\/main_/,
		);
	});

	it('stays whole beside a manifest that cannot be read, but for what a longer stretch holds', async () => {
		const storage = temporaryStorage();
		const keys = await clusterIn(storage);
		await storage.replace(manifestKeyOf(keys.get('base 15')!), Buffer.from('{ "half'));
		const { deleted } = await prune({ storage, policy: POLICY, owner: 'test' });
		expect(deleted.filter(({ kind }) => kind === 'postgres-wal').map(({ key }) => key)).toEqual([keys.get('covered')]);
	});

	it('stays whole where the run is limited to its folder and all base backups lie elsewhere, as far as these need it', async () => {
		const storage = temporaryStorage();
		const keys = await clusterIn(storage);
		const { deleted } = await prune({ storage, policy: POLICY, prefixes: ['postgres/wal/'], owner: 'test' });
		expect(deleted.map(({ key }) => key)).not.toContain(keys.get('wal 30'));
		expect(deleted.map(({ key }) => key)).toContain(keys.get('covered'));
	});

	it('stays where no system says what of it is needed', async () => {
		const storage = temporaryStorage();
		await clusterIn(storage);
		const before = (await backupsIn(storage)).filter((key) => key.startsWith('postgres/wal/'));
		await pruneWithoutSystems({ storage, policy: POLICY, owner: 'test' });
		expect((await backupsIn(storage)).filter((key) => key.startsWith('postgres/wal/'))).toEqual(before);
	});
});
