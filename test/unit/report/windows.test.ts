import { describe, expect, it } from 'vitest';

import {
	DEFAULT_TARGETS,
	findProblems,
	mailHtml,
	markdown,
	metricsText,
	overviewOf,
	plainText,
	reportOf,
	resultsOf,
	slackBlocks,
	statusPage,
	withoutIgnored,
	type Conditions,
	type LoggedSystem,
	type ServerLog,
	type StorageState,
} from '../../../engine';
import { hoursAgo, series, stateOf, verified } from './states';

const GAP = {
	state: 'open',
	timeline: 1,
	fromPosition: '0/5000000',
	toPosition: '0/7000000',
	after: hoursAgo(5),
	before: hoursAgo(4),
} as const;

/** A server that is archived: any moment of three days, up to so many hours ago. */
function logged(hours: number, more: Partial<LoggedSystem> = {}): LoggedSystem {
	return {
		...{ kind: 'postgres-wal', baseKind: 'postgres-base', system: '7301', name: 'main' },
		windows: [
			{
				...{ from: hoursAgo(72), to: hoursAgo(hours), lastTransaction: hoursAgo(hours) },
				...{ timeline: 1, fromPosition: '0/2000100', toPosition: '0/5000000' },
				...{ bases: 3, baseTimes: [hoursAgo(72), hoursAgo(48), hoursAgo(24)] },
			},
		],
		...{ gaps: [], bases: 3, pieces: 12, storedBytes: 2e8, uselessBases: 0 },
		...{ since: hoursAgo(73), seenAt: hoursAgo(hours) },
		...more,
	};
}

/** The series that such a server has; base backups and WAL were begun so many hours ago. */
function seriesOf(base: number, wal: number, reachesTo?: string) {
	const common = { name: 'main', system: '7301', ...(reachesTo !== undefined && { reachesTo }) };
	return [
		series([{ hours: base, more: verified(1) }], { ...common, kind: 'postgres-base' }),
		series([{ hours: wal, more: verified(1) }], { ...common, kind: 'postgres-wal', isLog: true }),
	];
}

const stateWith = (log: LoggedSystem, more: Partial<StorageState> = {}) =>
	stateOf(seriesOf(24, 5, log.windows.at(-1)?.to), { logs: [log], ...more });
const kinds = (state: StorageState, conditions?: Conditions) =>
	findProblems(state, conditions).map(({ kind, severity, subject }) => `${severity} ${kind} ${subject}`);

describe('problems of recovery windows', () => {
	it('are none where the last moment is fresh, however long ago anything was written or backed up', () => {
		expect(kinds(stateWith(logged(0.1)))).toEqual([]);
		const quiet = stateOf(seriesOf(160, 150, hoursAgo(0.1)), { logs: [logged(0.1)] });
		expect(kinds(quiet)).toEqual([]);
		expect(resultsOf(quiet).find(({ target }) => target === 'rpoHours')?.actual).toBeCloseTo(0.1);
	});

	it('tell of an archiving that stands still, once, and where nobody told whether the server has written, nothing but the RPO', () => {
		const stopped = stateOf(seriesOf(48, 31, hoursAgo(30)), { logs: [logged(30)] });
		expect(kinds(stopped)).toEqual(['critical windowBehind postgres-wal main']);
		expect(findProblems(stopped)[0]?.message).toBe(
			'main can be recovered up to 2026-11-29 06:00 UTC only, 30 h ago; 1 h are allowed.',
		);
		const targets = { ...DEFAULT_TARGETS, windowMinutes: 31 * 60 };
		expect(kinds(stopped, { targets })).toEqual([
			'critical stale postgres-base main',
			'critical stale postgres-wal main',
		]);
		const { seenAt: _, ...unseen } = logged(5);
		expect(kinds(stateWith({ ...unseen, seenAt: undefined }))).toEqual([]);
	});

	it('tell of each gap that no base backup has healed, with what to do', () => {
		const newer = { ...GAP, fromPosition: '0/8000000', toPosition: '0/9000000', after: undefined, before: undefined };
		const state = stateWith(logged(5, { gaps: [GAP, newer, { ...GAP, state: 'healed' }] }));
		const [first, second, ...others] = findProblems(state);
		expect(others).toEqual([]);
		expect(first).toMatchObject({ kind: 'recoveryGap', severity: 'critical', seriesId: state.series[1]?.id });
		expect(first?.message).toBe(
			'main lacks WAL from 0/5000000 to 0/7000000, between the transactions of 2026-11-30 07:00 UTC and 2026-11-30 08:00 UTC: what was written since cannot be recovered.',
		);
		expect(first?.hint).toMatch(/^Make a base backup now/);
		expect(second?.id).not.toBe(first?.id);
		expect(kinds(stateWith(logged(0.1, { gaps: [{ ...GAP, state: 'healed' }] })))).toEqual([]);
		expect(kinds(stateWith(logged(0.1, { gaps: [{ ...GAP, state: 'pending' }] })))).toEqual([]);
	});

	it('tell where nothing can be recovered at all, once there was time for it', () => {
		const fresh = { windows: [], since: hoursAgo(0.5) };
		expect(kinds(stateWith(logged(0, fresh)))).toEqual([]);
		const [problem] = findProblems(stateWith(logged(0, { ...fresh, since: hoursAgo(2) })));
		expect(problem?.message).toMatch(/^Nothing of main can be recovered: there is WAL, and no base backup/);
		const [base] = findProblems(stateWith(logged(0, { windows: [], since: hoursAgo(2), pieces: 0 })));
		expect(base?.message).toMatch(/the WAL that its base backup needs is not stored\.$/);
	});

	it('tell of a base backup that is so old that recovery would take long', () => {
		const [window] = logged(0.1).windows;
		const old = logged(0.1, { windows: [{ ...window!, baseTimes: [hoursAgo(24 * 9)] }] });
		expect(kinds(stateWith(old))).toEqual(['warning oldBase postgres-wal main']);
		expect(kinds(stateWith(old), { baseDays: 0 })).toEqual([]);
		expect(kinds(stateWith(old), { baseDays: 10 })).toEqual([]);
	});

	it('are those of what is not ignored, and a server that can be recovered as a whole lacks no database', () => {
		expect(kinds(withoutIgnored(stateWith(logged(30)), ['main']))).toEqual([]);
		const server = { kind: 'postgres', title: 'PostgreSQL', names: ['shop', 'crm'] } as const;
		const log = { address: 'db:5432', system: '7301', sign: undefined, limitBytes: undefined, slots: [] };
		expect(kinds(stateWith(logged(0.1)), { servers: [{ ...server, log }] })).toEqual([]);
		const other = { ...log, system: '8' };
		expect(kinds(stateWith(logged(0.1)), { servers: [{ ...server, log: other }] })).toHaveLength(2);
	});
});

describe('problems of replication slots', () => {
	const slot = { name: 'n8n_pitr', isActive: false, isPhysical: true, status: 'reserved', roomBytes: undefined };
	const server = (more: object, limitBytes?: number): StorageState => {
		const log: ServerLog = {
			address: 'db:5432',
			system: '7301',
			sign: undefined,
			limitBytes,
			slots: [{ ...slot, heldBytes: 1e9, ...more }],
		};
		return stateWith(logged(0.1), { serverLogs: [log] });
	};
	const messages = (state: StorageState, conditions?: Conditions) =>
		findProblems(state, conditions).map(({ severity, message }) => `${severity}: ${message}`);

	it('are none of one that holds little, or that nobody wants to hear of', () => {
		expect(messages(server({}))).toEqual([]);
		expect(messages(server({ heldBytes: undefined }))).toEqual([]);
		expect(messages(server({ heldBytes: 2e10 }), { isIgnored: (name) => name === 'n8n_pitr' })).toEqual([]);
	});

	it('tell of one that holds much, and whether anything ends it', () => {
		expect(messages(server({ heldBytes: 2e10 }))).toEqual([
			'warning: The replication slot n8n_pitr at db:5432 holds 20.0 GB of WAL, and nobody reads it. There is no limit (max_slot_wal_keep_size): it grows until the disk of the server is full.',
		]);
		expect(messages(server({ heldBytes: 2e10, isActive: true, roomBytes: 8e10 }, 1e11))).toEqual([
			expect.stringMatching(/and whoever reads it is slow\. The server keeps 100\.0 GB at most\.$/),
		]);
		expect(messages(server({}), { slotBytes: 5e8 })).toHaveLength(1);
	});

	it('tell of one that is close to its limit, about to be lost, and lost', () => {
		expect(messages(server({ roomBytes: 2e8 }, 1e9))).toEqual([
			expect.stringMatching(/^warning: .* 20 % of max_slot_wal_keep_size \(1\.0 GB\) are left/),
		]);
		expect(messages(server({ status: 'unreserved', roomBytes: -1 }, 1e9))).toEqual([
			expect.stringMatching(/^critical: .* is about to be lost/),
		]);
		expect(messages(server({ status: 'lost' }, 1e9))).toEqual([expect.stringMatching(/^critical: .* is lost/)]);
	});
});

describe('what tells of recovery windows', () => {
	const hostile = 'm<script>&|*`main';
	const serverLogs: ServerLog[] = [
		{
			address: 'db:5432',
			system: '7301',
			sign: undefined,
			limitBytes: 1e9,
			slots: [
				{
					...{ name: 'n8n_pitr', isActive: true, isPhysical: true },
					status: 'reserved',
					heldBytes: 3e6,
					roomBytes: 9e8,
				},
			],
		},
	];
	const state = stateWith(logged(5, { gaps: [GAP], name: hostile }), { serverLogs });
	const problems = findProblems(state);
	const overview = overviewOf(state, problems, resultsOf(state));
	const facts = { at: state.at, storage: state.storage, overview, problems };

	it('are the texts, with every gap, and names that do no harm', () => {
		const texts = [plainText(facts), markdown(facts), mailHtml(facts)];
		for (const text of texts)
			expect(text).toMatch(/any moment from 2026\S*11\S*27 12:00 UTC to 2026\S*11\S*30 07:00 UTC/);
		for (const text of texts) expect(text).toContain('0/7000000');
		expect(texts[2]).not.toContain('<script');
		expect(JSON.stringify(slackBlocks(facts))).toMatch(/any moment from .* \(5 h ago\).*WAL is missing/);
		expect(overview.headline).toBe('1 of 2 is not safe');
	});

	it('are the page, without what nobody uses', () => {
		const options = { title: 'x', targets: DEFAULT_TARGETS, next: undefined };
		const html = statusPage(state, overview, problems, options);
		expect(html).toContain('What point in time can be recovered');
		expect(html).toContain('<span class="badge">missing</span> WAL from 0/5000000');
		expect(html).toContain('Slot n8n_pitr: in use, holds 3.0 MB, may hold 900.0 MB more');
		expect(html).toMatch(/aria-label="What can be recovered of m&lt;script[^"]*: from [^"]*; nothing since"/);
		expect(html).not.toContain('<script');
		const none = stateOf([series([{ hours: 1, more: verified(1) }])]);
		expect(statusPage(none, overviewOf(none, [], resultsOf(none)), [], options)).not.toContain('point in time');
	});

	it('are the report, beside the fields that it had', () => {
		const report = reportOf(state, problems, { targets: DEFAULT_TARGETS });
		expect(report.recovery_window).toEqual({ target_minutes: 60, actual_minutes: 300, met: false });
		expect(report.recovery_windows).toMatchObject([
			{ system_identifier: '7301', status: 'gap', behind_seconds: 18_000, base_backups: 3, wal_archives: 12 },
		]);
		expect(report.recovery_windows[0]?.gaps).toMatchObject([{ state: 'open', from_lsn: '0/5000000' }]);
		expect(report.replication_slots).toMatchObject([{ server: 'db:5432', name: 'n8n_pitr', held_bytes: 3e6 }]);
		// A piece of a log counts for no backup.
		expect(report.statistics['postgres_backups']).toBe(1);
		expect(reportOf(stateOf([]), [], { targets: DEFAULT_TARGETS })).not.toHaveProperty('recovery_window');
	});

	it('are the metrics', async () => {
		const text = await metricsText(stateWith(logged(5, { gaps: [GAP] }), { serverLogs }), problems, {
			targets: DEFAULT_TARGETS,
		});
		const seconds = Date.parse(hoursAgo(5)) / 1000;
		expect(text).toContain(`stack_backup_recovery_window_end_timestamp_seconds{name="main"} ${seconds}`);
		expect(text).toContain('stack_backup_recovery_gaps{name="main"} 1');
		expect(text).toContain('stack_backup_replication_slot_held_bytes{slot="n8n_pitr",server="db:5432"} 3000000');
		expect(text).toContain('stack_backup_target_met{target="recovery_window"} 0');
		expect(text).toContain(`stack_backup_last_success_timestamp_seconds{kind="postgres-base",name="main"} ${seconds}`);
		const two = { ...state, logs: [logged(5), logged(3, { system: '8' })] };
		expect(await metricsText(two, [], { targets: DEFAULT_TARGETS })).toContain('{name="main",server="8"}');
	});
});
