import { describe, expect, it } from 'vitest';

import { dueWeeklyCopies, entryOf, planRetention, Zone, type RetentionEntry } from '../../../../engine/retention';
import type { Manifest } from '../../../../engine/archive';
import { backup, daily, DAY_MS, kept, NOW, policyOf } from '../entries';

const hoursLater = (entries: RetentionEntry[], hours: number, more: Partial<RetentionEntry>) =>
	entries.map(({ startedAt }) => backup(new Date(Date.parse(startedAt) + hours * 3_600_000), more));
const keptAs = (entries: RetentionEntry[], rules = { daily: 3 }) =>
	new Set(kept(planRetention(entries, new Date(NOW.getTime() + DAY_MS), policyOf(rules))).map(({ key }) => key));
const countKept = (entries: RetentionEntry[], all: RetentionEntry[]) => {
	const keys = keptAs(all);
	return entries.filter(({ key }) => keys.has(key)).length;
};

describe('what counts as backups of one thing', () => {
	it('never puts a partial backup in the place of a whole one', () => {
		const whole = daily(6);
		const partial = hoursLater(whole, 1, { partial: 'all --table=public.users' });
		const schema = hoursLater(whole, 2, { partial: 'schema' });
		const all = [...whole, ...partial, ...schema];
		// The last three days, and of the whole ones as much.
		expect([whole, partial, schema].map((some) => countKept(some, all))).toEqual([3, 3, 3]);
	});

	it('never puts one server in the place of another that has a database of the name', () => {
		const production = daily(6, { origin: 'db1.example.com:5432' });
		const staging = hoursLater(production, 1, { origin: 'db2.example.com:5432' });
		const all = [...production, ...staging];
		expect([production, staging].map((some) => countKept(some, all))).toEqual([3, 3]);
	});

	it('never puts one folder in the place of another', () => {
		const folders = ['postgres', 'production/postgres', ''];
		const series = folders.map((folder) =>
			daily(6).map((entry, index) => ({ ...entry, key: `${folder}${folder && '/'}shop_${index}.sql.zst` })),
		);
		expect(series.map((some) => countKept(some, series.flat()))).toEqual([3, 3, 3]);
	});

	it('tells of which server and folder the last good backup is, where several have one of the name', () => {
		const entries = [
			backup('2026-07-15T12:00:00Z', { origin: 'new:5432' }),
			backup('2026-06-15T12:00:00Z', { origin: 'old:5432' }),
			backup('2026-05-15T12:00:00Z', { origin: 'old:5432', key: 'eu/shop.sql' }),
			backup('2026-05-15T12:00:00Z', { name: 'crm', partial: 'schema' }),
		];
		const { decisions } = planRetention(entries, NOW, policyOf({ withinDays: 7 }));
		const told = decisions.flatMap(({ reasons }) => reasons.filter(({ rule }) => rule === 'lastGood'));
		expect(told.map(({ text }) => text)).toEqual([
			'the last good backup of shop (of new:5432, in postgres/)',
			'the last good backup of shop (of old:5432, in postgres/)',
			'the last good backup of crm (schema)',
			'the last good backup of shop (of old:5432, in eu/)',
		]);
	});

	it('has weekly copies of each, which lie apart where the folders do', () => {
		const entries = [
			backup('2026-07-15T12:00:00Z', { key: 'postgres/shop_1.sql' }),
			backup('2026-07-15T12:00:00Z', { key: 'production/postgres/shop_1.sql' }),
			backup('2026-07-15T11:00:00Z', { key: 'postgres/shop_2.sql', origin: 'db2.example.com:5432' }),
			backup('2026-07-15T13:00:00Z', { key: 'postgres/shop_3.sql', partial: 'schema' }),
			backup('2026-07-15T12:00:00Z', { key: 'qdrant/shop_1.snapshot', kind: 'qdrant' }),
		];
		const due = dueWeeklyCopies(entries, new Zone('UTC'));
		expect(due.map(({ entry, folder }) => `${entry.key} > ${folder}`).sort()).toEqual([
			'postgres/shop_1.sql > weekly/2026_W29',
			'postgres/shop_2.sql > weekly/2026_W29',
			'postgres/shop_3.sql > weekly/2026_W29',
			'production/postgres/shop_1.sql > weekly/2026_W29/production/postgres',
			'qdrant/shop_1.snapshot > weekly/2026_W29',
		]);
		const copies = due.map(({ entry, folder }) => ({ ...entry, key: `${folder}/${entry.key.split('/').at(-1)}` }));
		expect(dueWeeklyCopies([...entries, ...copies], new Zone('UTC'))).toEqual([]);
		// The copy of one does not stand for another's.
		const other = copies.filter(({ key }) => !key.includes('production'));
		expect(dueWeeklyCopies([...entries, ...other], new Zone('UTC'))).toMatchObject([
			{ entry: { key: entries[1]!.key } },
		]);
	});

	it('goes by what the manifest says', () => {
		const of = (more: Partial<Manifest>) => {
			const manifest = { source: {}, size: { stored: 1 }, tags: [], ...more } as unknown as Manifest;
			return entryOf({ manifest, key: 'postgres/x.sql', foundSize: 1 });
		};
		const source = { system: 'postgresql', version: '18' };
		expect(of({ source: { ...source, host: 'db', port: 5432 } }).origin).toBe('db:5432');
		expect(of({ source: { system: 'qdrant', version: '1', server: 'http://vectors:6333' } }).origin).toBe(
			'http://vectors:6333',
		);
		expect(of({ source }).origin).toBeUndefined();
		expect(of({ source: { ...source, host: 5 } }).origin).toBeUndefined();
		expect(of({}).partial).toBeUndefined();
		const selection = ['--table=b', '--table=a'];
		expect(of({ partial: { content: 'data', selection } }).partial).toBe('data --table=a --table=b');
	});
});
