import { describe, expect, it } from 'vitest';

import { BackupError, type PruneReport, type PruneRow } from '../../../../engine';
import { backupItems, summaryItem } from '../../../../nodes/PruneRetention/reportItems';
import type { RunSettings } from '../../../../nodes/PruneRetention/runSettings';
import { summaryOf } from '../../../../nodes/PruneRetention/summary';
import { columnsOf, expectMore } from '../../../nodes/table';

const NOW = new Date('2026-02-01T04:00:00Z');

function row(day: number, more: Partial<PruneRow> = {}): PruneRow {
	const file = `postgres/shop_202601${String(day).padStart(2, '0')}_020000.sql.zst`;
	return {
		id: `id ${day}`,
		kind: 'postgres',
		name: 'shop',
		key: file,
		date: `2026-01-${String(day).padStart(2, '0')}T02:00:00.000Z`,
		size: 3_400_000,
		verdict: 'keep',
		reasons: ['within 7 days'],
		rules: ['withinDays'],
		origin: null,
		partial: null,
		pinned: false,
		locked: false,
		lockedUntil: null,
		verified: null,
		complete: true,
		...more,
	};
}

const TOTALS: PruneReport['totals'] = {
	kept: 1,
	deleted: 1,
	keptBytes: 3_400_000,
	freedBytes: 3_400_000,
	sharedBytes: 0,
	incomplete: 0,
	walDeleted: 0,
};

const expired = (day: number) => row(day, { verdict: 'delete', reasons: ['no rule keeps it'], rules: ['expired'] });

function report(more: Partial<PruneReport> = {}): PruneReport {
	return {
		dryRun: false,
		rows: [row(31), expired(2)],
		totals: TOTALS,
		refusal: null,
		plan: { decisions: [], deletable: [], refusal: undefined },
		deleted: [],
		failed: [],
		weeklyCopies: [],
		wal: [],
		logs: [],
		swept: [],
		newer: [],
		stuck: [],
		notes: [],
		unused: { names: [], patterns: [] },
		orphans: [],
		unproven: [],
		removedOrphans: [],
		damaged: [],
		...more,
	};
}

const told = (more: Partial<PruneReport> = {}) => summaryOf(report(more), 'folder backups', NOW);

describe('the summary', () => {
	it('tells what was deleted and what is kept, and why', () => {
		expect(told().subject).toBe('Retention: 1 deleted, 1 kept (folder backups)');
		expect(told().text).toBe(
			[
				'Retention of folder backups, 2026-02-01 04:00:00 UTC. Deleted 1 backup, which frees 3.4 MB; 1 stay, 3.4 MB.',
				'',
				'Deleted (1)',
				'  2026-01-02 02:00:00 UTC  postgres  shop  3.4 MB  postgres/shop_20260102_020000.sql.zst  no rule keeps it',
				'',
				'Kept (1)',
				'  2026-01-31 02:00:00 UTC  postgres  shop  3.4 MB  postgres/shop_20260131_020000.sql.zst  within 7 days',
				'',
			].join('\n'),
		);
	});

	it('explains where less becomes free than is deleted', () => {
		const first = (more: Partial<PruneReport['totals']>) =>
			told({ totals: { ...TOTALS, freedBytes: 0, ...more } }).text.split('\n')[0];
		expect(first({ incomplete: 1 })).toMatch(
			/Deleted 1 backup, which frees 0 B \(1 archive is missing or of another size than stated, and not counted\); 1 stay/,
		);
		expect(first({ deleted: 3, incomplete: 2, sharedBytes: 3_400_000 })).toMatch(
			/frees 0 B \(3.4 MB stay in use: .* weekly copy, shares them by a hard link; 2 archives are missing/,
		);
		expect(first({ deleted: 0 })).toMatch(/Deleted 0 backups; 1 stay/);
	});

	it('of a dry run never says that anything was done', () => {
		const { subject, text, html } = told({
			dryRun: true,
			orphans: ['postgres/x'],
			weeklyCopies: [{ id: 'a', from: 'postgres/a', to: 'weekly/2026_W05/a', size: 5, error: null }],
		});
		expect(subject).toBe('Retention: 1 would be deleted, 1 would stay (folder backups)');
		for (const words of [text, html]) {
			expect(words).toMatch(/dry run: nothing was changed/);
			expect(words).toMatch(/Would be deleted \(1\)[^]*Would stay \(1\)[^]*Weekly copies that would be made \(1\)/);
			expect(words).not.toMatch(/^(<h3>)?(Deleted|Kept|Weekly copies \()/m);
		}
	});

	it('begins with a refusal', () => {
		const refusal = { reason: 'share' as const, message: '9 of 10 would go.', hint: 'Look at the dry run.' };
		const { subject, text } = told({ refusal, totals: { ...report().totals, deleted: 0, kept: 2 } });
		expect(subject).toBe('Retention: refused, nothing was deleted (folder backups)');
		expect(text).toMatch(
			/\n\nREFUSED, nothing was deleted: 9 of 10 would go\. Look at the dry run\.\n\nWhat the policy/,
		);
	});

	it('names what failed apart from what was deleted', () => {
		const { key } = expired(2);
		const failed = [{ entry: { key }, error: new BackupError('STORAGE_DENIED', 'No right.') }] as PruneReport['failed'];
		const { subject, text } = told({ failed });
		expect(subject).toContain('1 could not be deleted');
		expect(text).toContain(`Could not be deleted (1)\n  ${key}  No right.\n`);
		expect(text).not.toContain('Deleted (1)');
	});

	it('tells of WAL, stale artifacts and damaged manifests', () => {
		const { text } = told({
			wal: [
				{
					folder: 'postgres/wal/',
					kept: 4,
					keptBytes: 64,
					deleted: 2,
					freedBytes: 32,
					deletedUpTo: 'x',
					reason: 'within 7 days',
					refusal: null,
					error: null,
				},
			],
			orphans: ['a', 'b'],
			unproven: ['c'],
			removedOrphans: ['a'],
			swept: ['d'],
			stuck: [{ what: 'b', error: new BackupError('STORAGE_DENIED', 'It is locked.') }],
			damaged: [{ manifestKey: 'e.manifest.json', message: 'not valid JSON' }],
		});
		expect(text).toContain('WAL (1)\n  postgres/wal/  2 segments deleted (32 B), 4 kept  within 7 days\n');
		expect(text).toContain('Stale artifacts that were removed (2)\n  d\n  a\n');
		expect(text).toContain('Stale artifacts that stay (2)\n  b\n  c\n');
		expect(text).toContain('Could not be tidied up (1)\n  b  It is locked.\n');
		expect(text).toContain('left alone) (1)\n  e.manifest.json  not valid JSON\n');
	});

	it('goes with rows of a table, of which each tells what becomes of a backup and why', () => {
		const entry = { id: 'id 2', key: expired(2).key };
		const denied = new BackupError('STORAGE_DENIED', 'No right.');
		const { key } = row(31);
		const found = report({
			rows: [row(31, { rules: ['withinDays', 'lastGood'] }), expired(2)],
			failed: [{ entry, error: denied }] as PruneReport['failed'],
			weeklyCopies: [{ id: 'id 31', from: key, to: 'weekly/2026_W05/a', size: 5, error: denied }],
		});
		const simple = backupItems(found, true).map(({ json }) => json);
		expect(columnsOf(simple).slice(0, 3)).toEqual(['outcome', 'name', 'reasons']);
		expect(simple).toMatchObject([
			{
				outcome: 'kept',
				reasons: 'within days, last good',
				weeklyCopy: 'failed',
				problem: 'The weekly copy could not be made: No right.',
			},
			{
				outcome: 'failed',
				reasons: 'no rule keeps it',
				weeklyCopy: 'none',
				size: '3.4 MB',
				problem: 'It could not be deleted: No right.',
			},
		]);
		for (const [index, { json }] of backupItems(found, false).entries()) expectMore(simple[index]!, json);
	});

	it('is a row itself, whatever happened', () => {
		const refusal = { reason: 'share' as const, message: '9 of 10 would go.', hint: 'Look at the dry run.' };
		const settings = { folders: ['/'], timeZone: 'UTC' } as unknown as RunSettings;
		const parts = { settings, summary: told({ refusal }), warnings: ['There is no backup of Shop.'] };
		const [simple, full] = [true, false].map((isSimple) => summaryItem(report({ refusal }), parts, isSimple).json);
		expect(columnsOf([simple!])).toHaveLength(10);
		expect(simple).toMatchObject({ freed: '3.4 MB', problem: '9 of 10 would go. Look at the dry run.' });
		expectMore(simple!, full!);
	});

	it('tells what partial backups hold', () => {
		expect(told({ rows: [row(31, { partial: 'schema' })] }).text).toMatch(/within 7 days; partial: schema\n/);
	});

	it('counts what is too much for a mail', () => {
		const { text, html } = told({ rows: Array.from({ length: 250 }, () => row(31)) });
		expect(text.match(/shop_20260131/g)).toHaveLength(100);
		expect(text).toContain('Kept (250)');
		expect(text).toContain('... and 150 more');
		expect(html).toContain('<p>... and 150 more</p>');
	});

	it('lets no name make up markup or lines', () => {
		const name = `<img src=x onerror="a('b')">&\nDeleted (9)`;
		const { text, html } = told({ rows: [row(31, { name })] });
		expect(html).toContain('<td>&lt;img src=x onerror=&quot;a(&#39;b&#39;)&quot;&gt;&amp; Deleted (9)</td>');
		expect(html).not.toContain('<img');
		expect(text).not.toMatch(/^Deleted \(9\)/m);
	});

	it('has one line for the WAL of a cluster, and none for each of its archives', () => {
		const rows = [row(31), row(30, { kind: 'postgres-wal', key: 'postgres/wal/main.tar' })];
		const log = {
			name: 'main',
			kept: 900,
			keptBytes: 2e9,
			deleted: 20,
			freedBytes: 1e9,
			reasons: ['it is needed', 'pinned'],
		};
		const { text } = told({ rows, logs: [log] });
		expect(text).toContain('WAL (1)\n  main  20 archives deleted (1.0 GB), 900 kept (2.0 GB)  it is needed; pinned\n');
		expect(text).toContain('Kept (1)');
		expect(text).not.toContain('main.tar');
	});
});
