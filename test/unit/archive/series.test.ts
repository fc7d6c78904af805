import { describe, expect, it } from 'vitest';

import { completeSources, seriesIn, seriesOf, type Manifest, type SeriesFacts } from '../../../engine/archive';
import { latestIn } from '../../../engine/archive/catalog/latest';
import type { BackupEntry } from '../../../engine/archive';
import { BackupError } from '../../../engine/errors';

const facts = (more: Partial<SeriesFacts> = {}): SeriesFacts => ({
	kind: 'postgres',
	name: 'shop',
	key: 'postgres/shop_1.sql',
	origin: 'db:5432',
	...more,
});
/** Which of some backups are of one series, as numbers: `[0, 0, 1]`. */
function grouped(...all: SeriesFacts[]): number[] {
	completeSources(all);
	const names = all.map(seriesOf);
	return names.map((name) => [...new Set(names)].indexOf(name));
}

let hours = 0;
function entry(key: string, source: object, more: Partial<Manifest> = {}): BackupEntry {
	const startedAt = new Date(Date.UTC(2026, 0, 31) - ++hours * 3_600_000).toISOString();
	const manifest = {
		kind: 'postgres-globals',
		name: 'globals',
		id: key,
		startedAt,
		finishedAt: startedAt,
		source: { system: 'postgresql', version: '18', ...source },
		...more,
	} as unknown as Manifest;
	return { manifest, key, manifestKey: `${key}.manifest.json`, folder: key.replace(/\/[^/]*$/, ''), foundSize: 1 };
}

describe('a series', () => {
	it('is of one kind, name, server and folder', () => {
		const others = [
			facts({ kind: 'qdrant' }),
			facts({ name: 'crm' }),
			facts({ origin: 'db2:5432' }),
			facts({ origin: undefined }),
			facts({ key: 'eu/postgres/shop_1.sql' }),
			facts({ key: 'shop_1.sql' }),
		];
		expect(grouped(facts(), facts({ key: 'postgres/shop_2.sql' }), ...others)).toEqual([0, 0, 1, 2, 3, 4, 5, 6]);
	});

	it('has weekly copies of what is its own', () => {
		const copy = facts({ key: 'weekly/2026_W05/shop_1.sql' });
		const copyOfEu = facts({ key: 'weekly/2026_W05/eu/postgres/shop_1.sql' });
		expect(grouped(facts(), copy, facts({ key: 'eu/postgres/shop_1.sql' }), copyOfEu)).toEqual([0, 0, 1, 1]);
		const globals = { kind: 'postgres-globals', name: 'globals' };
		expect(grouped(facts({ ...globals }), facts({ ...globals, key: 'weekly/2026_W05/globals_1.sql' }))).toEqual([0, 0]);
	});

	it('knows a weekly copy of what lay in the root by its manifest, or by its original', () => {
		const known = entry('weekly/2026_W05/a.sql', {}, { folder: '' });
		const original = entry('b.sql', {}, { id: 'b' });
		const copy = entry('weekly/2026_W05/b.sql', {}, { id: 'b' });
		const series = seriesIn([known, original, copy]);
		expect(new Set([known, original, copy].map((one) => series.get(one))).size).toBe(1);
	});

	it.each(['postgres-base', 'postgres-wal'])('of the kind %s goes on where a standby has taken over', (kind) => {
		const of = (more: Partial<SeriesFacts>) => facts({ kind, key: `${kind}/main_1.tar`, system: '1', ...more });
		const other = [of({ system: '2' }), of({ key: 'eu/main_1.tar' }), of({ system: undefined })];
		expect(grouped(of({}), of({ origin: 'standby:5432', name: 'standby' }), ...other)).toEqual([0, 0, 1, 2, 3]);
	});

	it('ends where another server took over the address, and goes on where older manifests do not tell the server', () => {
		const older = facts({ key: 'postgres/shop_0.sql' });
		const [one, two] = [facts({ system: '1' }), facts({ system: '2' })];
		expect(grouped({ ...older }, { ...one }, { ...one })).toEqual([0, 0, 0]);
		expect(grouped({ ...older }, { ...one }, { ...two })).toEqual([0, 1, 2]);
		expect(grouped({ ...one }, facts({ system: '1', origin: 'new:5432' }), { ...older })).toEqual([0, 1, 0]);
		expect(grouped(facts({ origin: undefined }), { ...one })).toEqual([0, 1]);
	});
});

describe('the latest of a name', () => {
	const list = (...backups: BackupEntry[]) => ({ backups, damaged: [] });

	it('is asked for by folder, where several servers have one in folders of their own', () => {
		const [eu, us] = [entry('eu/g_1.sql', { host: 'db-eu' }), entry('us/g_1.sql', { host: 'db-us' })];
		expect(() => latestIn(list(eu, us), 'globals')).toThrow('of several servers: of db-eu in eu and of db-us in us');
		// Two that are reached by one address.
		const [one, two] = [
			{ host: 'db', systemIdentifier: '1' },
			{ host: 'db', systemIdentifier: '2' },
		];
		expect(() => latestIn(list(entry('eu/g_1.sql', one), entry('us/g_1.sql', two)), 'globals')).toThrow(
			'several servers',
		);
	});

	it('is the newest where a server has moved, and tells that there are others', () => {
		const [moved, before] = [entry('postgres/g_2.sql', { host: 'new' }), entry('postgres/g_1.sql', { host: 'old' })];
		const found = latestIn(list(moved, before), 'globals')!;
		expect([found.key, found.remark]).toEqual([
			'postgres/g_2.sql',
			'The latest backup of globals, postgres/g_2.sql, is of new; there are others of old, such as postgres/g_1.sql.',
		]);
	});

	it('is the newest of one server, whatever the folders', () => {
		const same = [entry('eu/g_2.sql', { host: 'db' }), entry('old/g_1.sql', { host: 'db' }), entry('old/g_0.sql', {})];
		expect(latestIn(list(...same), 'globals')).toEqual(same[0]);
	});

	it.each([
		['2026-01-31T02:05:12.000Z', 'MANIFEST_INVALID'],
		['2026-01-31T02:05:30.000Z', 'MANIFEST_INVALID'],
		['2026-01-31T02:05:09.000Z', undefined],
	])('is not told where one that cannot be read may be newer: stored at %s, in whole seconds', (storedAt, code) => {
		const newest = entry('postgres/g_1.sql', { host: 'db' }, { finishedAt: '2026-01-31T02:05:12.987Z' });
		const damaged = [
			{
				manifestKey: 'postgres/g_2.sql.manifest.json',
				modifiedAt: new Date(storedAt),
				error: new BackupError('MANIFEST_INVALID', 'It is cut off.', { hint: '' }),
			},
		];
		const told = (() => {
			try {
				return latestIn({ ...list(newest), damaged }, 'globals')?.key;
			} catch (error) {
				return (error as BackupError).code;
			}
		})();
		expect(told).toBe(code ?? newest.key);
	});
});
