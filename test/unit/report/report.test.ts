import { describe, expect, it } from 'vitest';

import { DEFAULT_TARGETS, findProblems, reportOf, type ReportOptions, type StorageState } from '../../../engine';
import { series, stateOf, verified } from './states';

const report = (state: StorageState, more: Partial<ReportOptions> = {}) =>
	reportOf(state, findProblems(state), { targets: DEFAULT_TARGETS, ...more });

describe('backup_report.json', () => {
	const run = { runId: 'one run' };
	const shop = series([{ hours: 3, stored: 100, facts: run, more: verified(1) }, { hours: 27 }], { weeklyCopies: 4 });
	const crm = series([{ hours: 2.9, stored: 50, facts: { ...run, name: 'crm' }, more: verified(1) }], { name: 'crm' });
	const articles = series([{ hours: 2, facts: { kind: 'qdrant', name: 'articles' }, more: verified(1) }], {
		kind: 'qdrant',
		name: 'articles',
	});

	it('has the fields that scripts read', () => {
		const document = report(stateOf([shop, crm, articles]), { retention: { days: 30, weekly: 12 } });
		expect(Object.keys(document).slice(0, 7)).toEqual([
			'timestamp',
			'backup_type',
			'status',
			'duration_seconds',
			'components',
			'statistics',
			'errors',
		]);
		expect(document).toMatchObject({
			backup_type: 'full',
			status: 'success',
			components: {
				postgres: {
					status: 'success',
					file: crm.newest[0]!.key.replace('postgres/', ''),
					size_bytes: 150,
					duration_seconds: 120,
				},
				qdrant: { status: 'success', size_bytes: 1_000_000, duration_seconds: 60 },
			},
			statistics: {
				total_size_bytes: 100 + 1_000_000 + 50 + 1_000_000,
				postgres_backups: 3,
				qdrant_backups: 1,
				weekly_snapshots: 4,
				retention_days: 30,
				retention_weekly: 12,
			},
			errors: [],
			warnings: [],
			rpo: { target_hours: 24, actual_hours: 3, met: true },
			rto: { target_hours: 1, met: true },
			verification: { verified: 3, failed: 0, never: 0 },
		});
	});

	it('takes the span of one run, and the sum of several', () => {
		// From 3 hours to 2.9 hours ago, and a minute for the last.
		expect(report(stateOf([shop, crm])).duration_seconds).toBe(360 + 60);
		expect(report(stateOf([shop, articles])).duration_seconds).toBe(120);
	});

	it('believes a run only what the storage holds', () => {
		const [made] = shop.newest;
		const claimed = [
			{ id: made!.facts.id, name: 'shop' },
			{ id: 'no such id', name: 'crm' },
			{ name: 'articles', error: 'The server cannot be reached.' },
		];
		const document = report(stateOf([shop, crm]), { claimed });
		expect(document.status).toBe('failed');
		expect(document.errors).toEqual([
			'crm: the run says that it was backed up, and the storage holds no such backup.',
			'articles: The server cannot be reached.',
		]);
		expect(Object.values(document.components).flatMap(({ backups }) => backups.map(({ id }) => id))).toEqual([
			made!.facts.id,
		]);
	});

	it('is JSON also where there is no good backup', () => {
		const bad = series([{ hours: 1, more: { isComplete: false } }]);
		const document = report(stateOf([bad]));
		expect(document).toMatchObject({ status: 'failed', rpo: { actual_hours: null, met: false } });
		expect(document.components['postgres']?.status).toBe('failed');
		expect(JSON.parse(JSON.stringify(document))).toEqual(document);
	});

	it('is incremental where all of it is', () => {
		const increment = series([{ hours: 1, facts: { needs: ['x'] } }]);
		expect(report(stateOf([increment])).backup_type).toBe('incremental');
		expect(report(stateOf([increment, articles])).backup_type).toBe('full');
	});
});
