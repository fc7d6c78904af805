import { describe, expect, it } from 'vitest';

import type { RunningRun } from '../../../engine/archive';
import { deadRuns, runLine } from '../../../engine/report';
import { runningCards } from '../../../engine/report/page/running';
import type { StorageState } from '../../../engine/report';

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

describe('a run that did not end', () => {
	it('is a problem, until a good backup was made since', () => {
		expect(deadRuns([run()], stateWith())).toEqual([]);
		const [problem, ...others] = deadRuns([dead()], stateWith('2026-01-30T02:00:00.000Z'));
		expect(others).toEqual([]);
		expect(problem).toMatchObject({
			id: 'deadRun:11111111-0000-4000-8000-000000000000',
			severity: 'warning',
			subject: 'postgres shop',
			message:
				'Back up of postgres shop (workflow "Nightly", execution 17, on worker-1) did not end: last seen 12 min ago.',
		});
		expect(deadRuns([dead()], stateWith())).toHaveLength(1);
		expect(deadRuns([dead()], stateWith('2026-01-31T02:50:00.000Z'))).toEqual([]);
		expect(deadRuns([dead()], stateWith(), (name) => name === 'shop')).toEqual([]);
		// A backup made since says nothing of a restore.
		expect(deadRuns([dead({ action: 'restore' })], stateWith('2026-01-31T02:50:00.000Z'))).toHaveLength(1);
	});
});
