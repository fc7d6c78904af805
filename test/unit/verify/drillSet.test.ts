import { describe, expect, it } from 'vitest';

import { NewerManifest, type BackupEntry, type BackupKind, type Manifest } from '../../../engine/archive';
import { BackupError } from '../../../engine/errors';
import { chooseSet, type DrillSetOptions } from '../../../engine/verify/drillSet';

const now = new Date('2026-02-10T12:00:00Z');

/** `postgres/shop`, so many hours ago, by a run. */
function backup(
	what: string,
	hoursAgo: number,
	runId?: string,
	partial = false,
	{ folder = '', host }: { folder?: string; host?: string } = {},
): BackupEntry {
	const [kind, name] = what.split('/') as [BackupKind, string];
	const startedAt = new Date(now.getTime() - hoursAgo * 3600_000).toISOString();
	const file = `${name}_${hoursAgo}`;
	const source = { system: 'test', version: '1', ...(host && { host }) };
	const manifest = { kind, name, file, startedAt, runId, source, ...(partial && { partial: { content: 'schema' } }) };
	const key = `${folder || kind}/${file}`;
	return {
		manifest: manifest as unknown as Manifest,
		key,
		manifestKey: `${key}.manifest.json`,
		folder: kind,
		foundSize: 1,
	};
}

function choose(backups: BackupEntry[], options: Partial<DrillSetOptions> = {}, damaged: [string, number][] = []) {
	const newestFirst = [...backups].sort((a, b) => (a.manifest.startedAt < b.manifest.startedAt ? 1 : -1));
	const broken = damaged.map(([manifestKey, hoursAgo]) => ({
		manifestKey,
		modifiedAt: new Date(now.getTime() - hoursAgo * 3600_000),
		error: new BackupError('MANIFEST_INVALID', 'no JSON'),
	}));
	const set = chooseSet(newestFirst, broken, { isKnown: () => true, now, ...options });
	const gaps = set.gaps.map(({ reason, kind, name, key }) => [reason, key ?? [kind, name].join('/')].join(' '));
	return { runId: set.runId, keys: set.backups.map(({ key }) => key), gaps };
}

describe('the set that a drill restores', () => {
	it('is what the newest run made, where that is everything', () => {
		const backups = [
			backup('postgres/shop', 2, 'b'),
			backup('qdrant/docs', 1, 'b'),
			backup('postgres/shop', 26, 'a'),
			backup('qdrant/docs', 25, 'a'),
		];
		expect(choose(backups)).toEqual({ runId: 'b', keys: ['postgres/shop_2', 'qdrant/docs_1'], gaps: [] });
	});

	it('is that of the run before, where the newest one is not complete', () => {
		const backups = [backup('postgres/shop', 2, 'b'), backup('postgres/shop', 26, 'a'), backup('qdrant/docs', 25, 'a')];
		expect(choose(backups)).toEqual({ runId: 'a', keys: ['postgres/shop_26', 'qdrant/docs_25'], gaps: [] });
	});

	it('is the newest of each, where no run made everything, or all of it was backed up anew', () => {
		const apart = [backup('postgres/shop', 2, 'b'), backup('qdrant/docs', 25, 'a'), backup('qdrant/docs', 49)];
		expect(choose(apart)).toEqual({ runId: null, keys: ['postgres/shop_2', 'qdrant/docs_25'], gaps: [] });
		const outrun = [
			backup('postgres/shop', 2, 'b'),
			backup('qdrant/docs', 3, 'c'),
			backup('postgres/shop', 900, 'a'),
			backup('qdrant/docs', 900, 'a'),
		];
		expect(choose(outrun)).toEqual({ runId: null, keys: ['postgres/shop_2', 'qdrant/docs_3'], gaps: [] });
	});

	it('is the newest of each, where what the run made is older than is allowed', () => {
		const backups = [backup('postgres/shop', 2, 'b'), backup('postgres/shop', 26, 'a'), backup('qdrant/docs', 20, 'a')];
		expect(choose(backups, { maxAgeHours: 26 })).toMatchObject({ runId: 'a', gaps: [] });
		const set = { runId: null, keys: ['postgres/shop_2', 'qdrant/docs_20'] };
		expect(choose(backups, { maxAgeHours: 24 })).toEqual({ ...set, gaps: [] });
		expect(choose(backups, { maxAgeHours: 10 })).toEqual({ ...set, gaps: ['outdated qdrant/docs_20'] });
	});

	it('has the newest where a run backed one up twice, and tells kinds apart that share a name', () => {
		const backups = [backup('qdrant/docs', 1, 'a'), backup('qdrant/docs', 2, 'a'), backup('postgres/docs', 3, 'a')];
		expect(choose(backups)).toEqual({ runId: 'a', keys: ['postgres/docs_3', 'qdrant/docs_1'], gaps: [] });
	});

	it('tells what has only backups of chosen parts apart from what lacks its data', () => {
		const part = backup('files/docs', 1, undefined, true);
		Object.assign(part.manifest, { partial: { content: 'all', selection: ['--include=*.pdf'] } });
		const backups = [backup('postgres/shop', 5), backup('postgres/log', 2, undefined, true), part];
		expect(choose(backups).gaps).toEqual(['part files/docs_1', 'notWhole postgres/log_2']);
	});

	it('has the backup of each server, in folders of their own or in one', () => {
		const backups = [
			backup('postgres-globals/globals', 1, undefined, false, { folder: 'eu', host: 'db' }),
			backup('postgres-globals/globals', 2, undefined, false, { folder: 'us', host: 'db' }),
			backup('postgres-globals/globals', 3, undefined, false, { folder: 'eu', host: 'db2' }),
			backup('postgres-globals/globals', 4, undefined, false, { folder: 'eu', host: 'db' }),
		];
		expect(choose(backups).keys.sort()).toEqual(['eu/globals_1', 'eu/globals_3', 'us/globals_2']);
		expect(choose(backups, { maxAgeHours: 2.5 }).gaps).toEqual(['outdated eu/globals_3']);
	});

	it('has whole backups alone, and tells of what has none', () => {
		const backups = [
			backup('postgres/shop', 1, undefined, true),
			backup('postgres/shop', 5),
			backup('postgres/log', 2, undefined, true),
		];
		expect(choose(backups)).toEqual({
			runId: null,
			keys: ['postgres/shop_5'],
			gaps: ['notWhole postgres/log_2'],
		});
	});
});

describe('what is missing', () => {
	it('are kinds that were asked for, or everything', () => {
		expect(choose([])).toEqual({ runId: null, keys: [], gaps: ['none /'] });
		const kinds: BackupKind[] = ['postgres', 'qdrant'];
		expect(choose([backup('qdrant/docs', 1)], { kinds }).gaps).toEqual(['none postgres/']);
		expect(choose([backup('minio/files', 1)], { kinds }).gaps).toEqual(['none postgres/', 'none qdrant/']);
	});

	it('is what is too old, counted by its newest whole backup', () => {
		const backups = [backup('qdrant/docs', 25), backup('qdrant/new', 23), backup('qdrant/docs', 1, undefined, true)];
		expect(choose(backups, { maxAgeHours: 24 })).toMatchObject({
			keys: ['qdrant/docs_25', 'qdrant/new_23'],
			gaps: ['outdated qdrant/docs_25'],
		});
		expect(choose(backups).gaps).toEqual([]);
	});

	it('is what cannot be checked yet', () => {
		const backups = [backup('qdrant/docs', 1), backup('files/home', 1)];
		expect(choose(backups, { isKnown: (kind) => kind === 'qdrant' })).toMatchObject({
			keys: ['qdrant/docs_1'],
			gaps: ['unknown files/home_1'],
		});
	});

	it('is what a newer version has made, which is nothing bad, unless it is of a kind that is not asked for', () => {
		const error = new NewerManifest('here', 'is of the kind mysql', { kind: 'mysql' });
		const made = [{ manifestKey: 'mysql/a.manifest.json', modifiedAt: now, error }];
		const gapsOf = (options: Partial<DrillSetOptions>) =>
			chooseSet([backup('qdrant/docs', 5)], made, { isKnown: () => true, now, ...options }).gaps;
		expect(gapsOf({})).toMatchObject([{ reason: 'newer', key: 'mysql/a.manifest.json', problem: error.message }]);
		expect(gapsOf({ kinds: ['qdrant'] })).toEqual([]);
	});

	it('is whatever a damaged manifest was of, unless all that is restored is newer', () => {
		const damaged: [string, number][] = [
			['qdrant/a.manifest.json', 1],
			['qdrant/b.manifest.json', 9],
		];
		expect(choose([backup('qdrant/docs', 5)], {}, damaged).gaps).toEqual(['damaged qdrant/a.manifest.json']);
	});
});
