import { describe, expect, it } from 'vitest';

import type { RunningRun } from '../../../engine/archive';
import {
	deadRuns,
	mailHtml,
	markdown,
	metricsText,
	overviewOf,
	plainText,
	resultsOf,
	runLine,
	slackBlocks,
	DEFAULT_TARGETS,
} from '../../../engine';
import type { JournalEvent } from '../../../engine';
import { runningCards } from '../../../engine/report/page/running';
import type { StorageState } from '../../../engine/report';
import { series, stateOf } from './states';

const NOW = '2026-01-31T03:00:00.000Z';

const run = (more: Partial<RunningRun> = {}): RunningRun => ({
	formatVersion: 1,
	id: '11111111-0000-4000-8000-000000000000',
	action: 'backUp',
	kind: 'postgres',
	name: 'shop',
	startedAt: '2026-01-31T02:30:00.000Z',
	bytes: 1_000_000_000,
	bytesPerSecond: 10_000_000,
	totalBytes: 4_000_000_000,
	workflow: 'Nightly',
	execution: '17',
	host: 'worker-1',
	process: 7,
	seenAt: '2026-01-31T02:59:50.000Z',
	isDead: false,
	...more,
});

const dead = (more: Partial<RunningRun> = {}) => run({ isDead: true, seenAt: '2026-01-31T02:48:00.000Z', ...more });

/** A storage that holds one series, whose newest good backup began then. */
const stateWith = (startedAt?: string) =>
	({
		at: NOW,
		series: [
			{ kind: 'postgres', name: 'shop', lastGood: startedAt === undefined ? undefined : { facts: { startedAt } } },
		],
	}) as unknown as StorageState;

describe('what runs now', () => {
	it('is told with what it has moved, how fast, and for how long', () => {
		expect(runLine(run(), NOW)).toBe(
			'Back up of postgres shop for 30 min: 1.0 GB of about 4.0 GB, 10.0 MB/s, 5 min left (workflow "Nightly", execution 17, on worker-1)',
		);
		expect(runLine(run({ action: 'restore', totalBytes: undefined }), NOW)).toContain(': 1.0 GB, 10.0 MB/s (');
		expect(runLine(run({ action: 'verify', kind: '', name: '3 backups' }), NOW)).toMatch(
			/^Verification of 3 backups for/,
		);
		// The backup before was smaller.
		expect(runLine(run({ totalBytes: 10 }), NOW)).toContain(': 1.0 GB, 10.0 MB/s (');
		// A clock that is ahead.
		expect(runLine(run({ startedAt: '2026-01-31T04:00:00.000Z' }), NOW)).toContain(' for 0 s:');
	});

	it('is one line of text, and no markup on the page, whatever it says of itself', () => {
		const hostile = run({ name: 'shop\n<script>alert(1)</script>', workflow: '"><img src=x>', host: 'a\u2028b' });
		expect(runLine(hostile, NOW)).not.toMatch(/[\n\u2028]/);
		const html = runningCards([hostile], NOW);
		expect(html).not.toMatch(/<script|<img/);
		expect(html).toContain('&lt;script&gt;');
		expect(html).toContain('width:25%');
		expect(runningCards([], NOW)).toContain('Nothing');
		expect(
			runningCards(
				Array.from({ length: 25 }, () => run()),
				NOW,
			),
		).toContain('And 5 more.');
	});
});

describe('runs in a report', () => {
	const hostile = dead({
		id: '22222222-0000-4000-8000-000000000000',
		name: '<script>|*x*|\n<!channel>',
		kind: 'files',
	});
	const running = [run(), hostile];
	const state = stateOf([series([{ hours: 1 }])]);
	const overview = overviewOf(state, [], resultsOf(state));
	const facts = { at: NOW, storage: 'folder backups', overview, problems: [], running };

	it('stand in each form, and one that did not end is told as such', () => {
		const texts = [plainText(facts), markdown(facts), mailHtml(facts), JSON.stringify(slackBlocks(facts))];
		for (const text of texts) {
			expect(text).toContain('Running now (1), did not end (1)');
			expect(text).toMatch(/Back up of postgres shop.*1\.0 GB of about 4\.0 GB, 10\.0 MB\/s, 5 min left/s);
			expect(text).toMatch(/did not end, last seen 12 min ago/);
		}
		for (const text of texts.slice(1)) expect(text).not.toMatch(/(?<!\\)<script|<!channel>/);
		const [, table = ''] = markdown(facts).split('### Running');
		expect(table.split('\n').filter((line) => line.startsWith('- '))).toHaveLength(2);
		for (const text of [plainText, markdown, mailHtml]) {
			expect(text({ ...facts, running: [run()] })).toContain('Running now (1)');
			expect(text({ ...facts, running: [dead()] })).toContain('Did not end (1)');
			expect(text({ ...facts, running: [] })).not.toMatch(/Running now|[Dd]id not end/);
		}
	});

	it('are metrics, those that were made good no more', async () => {
		const metrics = async (runs: RunningRun[], of: StorageState) =>
			(await metricsText(of, [], { targets: DEFAULT_TARGETS, running: runs }))
				.split('\n')
				.filter((line) => /^stack_backup_(running|dead)_runs/.test(line));
		const long = dead({ id: '33333333-0000-4000-8000-000000000000', startedAt: '2026-01-31T01:00:00.000Z' });
		const restore = run({ id: '44444444-0000-4000-8000-000000000000', action: 'restore' });
		expect(await metrics([run(), run(), restore, dead(), long], stateOf([]))).toEqual([
			'stack_backup_running_runs{action="backUp",kind="postgres",name="shop"} 2',
			'stack_backup_running_runs{action="restore",kind="postgres",name="shop"} 1',
			'stack_backup_dead_runs{action="backUp",kind="postgres",name="shop"} 2',
		]);
		expect(await metrics([dead()], state)).toEqual([]);
	});
});

describe('a run that did not end', () => {
	const none = { events: [] };

	it('is a problem, until a good backup was made since', () => {
		expect(deadRuns([run()], stateWith(), none)).toEqual([]);
		const [problem, ...others] = deadRuns([dead()], stateWith('2026-01-30T02:00:00.000Z'), none);
		expect(others).toEqual([]);
		expect(problem).toMatchObject({
			id: 'deadRun:11111111-0000-4000-8000-000000000000',
			severity: 'warning',
			subject: 'postgres shop',
			message:
				'Back up of postgres shop (workflow "Nightly", execution 17, on worker-1) did not end: last seen 12 min ago.',
		});
		expect(deadRuns([dead()], stateWith(), none)).toHaveLength(1);
		expect(deadRuns([dead()], stateWith('2026-01-31T02:50:00.000Z'), none)).toEqual([]);
		// A backup made since says nothing of a restore.
		expect(deadRuns([dead({ action: 'restore' })], stateWith('2026-01-31T02:50:00.000Z'), none)).toHaveLength(1);
	});

	it('is over with a restore or a copy of the same workflow that succeeds later', () => {
		const event = (more: Partial<JournalEvent>): JournalEvent => ({
			id: '1',
			action: 'restore',
			outcome: 'succeeded',
			kind: 'postgres',
			name: 'shop',
			startedAt: '2026-01-31T02:50:00.000Z',
			endedAt: '2026-01-31T02:55:00.000Z',
			execution: { workflowName: 'Nightly' },
			...more,
		});
		const left = (lost: RunningRun, more: Partial<JournalEvent>) =>
			deadRuns([lost], stateWith(), { events: [event(more)] }).length;
		const restore = dead({ action: 'restore' });
		expect(left(restore, {})).toBe(0);
		const others: Partial<JournalEvent>[] = [
			{ outcome: 'failed' },
			{ name: 'crm' },
			{ action: 'copy' },
			{ execution: { workflowName: 'Weekly' } },
			{ startedAt: '2026-01-31T02:00:00.000Z' },
		];
		for (const other of others) expect(left(restore, other)).toBe(1);
		const copy = dead({ action: 'copy', kind: '', name: 'backups' });
		const { kind: _kind, name: _name, ...aboutNothing } = event({ action: 'copy' });
		expect(deadRuns([copy], stateWith(), { events: [aboutNothing] })).toEqual([]);
	});
});
