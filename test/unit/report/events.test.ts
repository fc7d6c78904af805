import { describe, expect, it } from 'vitest';

import {
	auditOf,
	DEFAULT_TARGETS,
	failedRunProblems,
	failureProblems,
	findProblems,
	type JournalEvent,
	mailHtml,
	markdown,
	metricsText,
	overviewOf,
	plainText,
	type RecentEvents,
	refusalProblems,
	resultsOf,
	slackBlocks,
	statusPage,
	type TextFacts,
} from '../../../engine';
import { hoursAgo, NOW, series, stateOf } from './states';

const HOSTILE = 'a"><script>alert(1)</script>\n| # <!channel> *x* `y` [z](javascript:1) {z}';

let made = 0;
function event(hours: number, more: Partial<JournalEvent> = {}): JournalEvent {
	return {
		id: String(++made).padStart(16, '0'),
		action: 'backUp',
		outcome: 'failed',
		kind: 'postgres',
		name: 'shop',
		server: 'db:5432',
		startedAt: hoursAgo(hours),
		endedAt: hoursAgo(hours),
		error: { code: 'SOURCE_UNREACHABLE', message: 'The server is away.' },
		execution: { id: '17', workflowId: 'w1', workflowName: 'Nightly' },
		...more,
	};
}

function recent(events: JournalEvent[]): RecentEvents {
	return {
		since: hoursAgo(24),
		hours: 24,
		events,
		left: 0,
		counts: events.map(({ action, outcome }) => ({ action, outcome, count: 1 })),
		failedBackUps: events.filter(({ action, outcome }) => action === 'backUp' && outcome === 'failed'),
		unreadable: 0,
	};
}

const failures = (state: Parameters<typeof failureProblems>[0], events: JournalEvent[], ignored: string[] = []) =>
	failureProblems(state, recent(events), (name) => ignored.includes(name)).map(({ subject }) => subject);

describe('a back up that failed', () => {
	it('is a problem until something of it is stored by a run that began later', () => {
		const of = (hours: number) => stateOf([series([{ hours }])]);
		expect(failures(of(5), [event(2)])).toEqual(['postgres shop']);
		expect(failures(of(1), [event(2)])).toEqual([]);
		expect(failures(of(5), [event(2), event(3)])).toEqual(['postgres shop']);
		expect(failures(of(5), [event(2)], ['shop'])).toEqual([]);
		expect(failures(stateOf([]), [event(2, { name: 'new' })])).toEqual(['postgres new']);
	});

	it('of one server is not over by a backup of another', () => {
		const two = stateOf([
			series([{ hours: 5 }], { origin: 'db:5432' }),
			series([{ hours: 1 }], { origin: 'other:5432' }),
		]);
		expect(failures(two, [event(2)])).toEqual(['postgres shop at db:5432']);
		expect(failures(two, [event(2, { server: 'other:5432' })])).toEqual([]);
		// By another address than the backups have, it is over with any of them.
		expect(failures(two, [event(2, { server: 'localhost:5432' })])).toEqual([]);
	});

	it('that had not come to a name is over with the next backup of its kind', () => {
		const unnamed = event(2);
		delete unnamed.name;
		expect(failures(stateOf([series([{ hours: 5 }])]), [unnamed])).toEqual(['postgres at db:5432']);
		expect(failures(stateOf([series([{ hours: 1 }])]), [unnamed])).toEqual([]);
	});

	it('makes the row of its series bad', () => {
		const state = stateOf([series([{ hours: 5 }])]);
		const problems = failureProblems(state, recent([event(2)]), () => false);
		expect(overviewOf(state, problems, resultsOf(state)).rows).toMatchObject([{ tone: 'bad' }]);
	});
});

it('tells refusals of one sort once, with how many there were', () => {
	const refused = { action: 'restore', outcome: 'refused', requestedBy: 'Ana' } as const;
	const problems = refusalProblems(
		stateOf([]),
		recent([event(1, refused), event(2, refused), event(3), event(4, { ...refused, action: 'prune' })]),
	);
	expect(problems.map(({ message }) => message)).toEqual([
		'Restore of postgres shop by the workflow "Nightly" was refused 2 times in 24 h, the last time at 2026-11-30 11:00 UTC: The server is away. Requested by Ana.',
		'Prune of postgres shop by the workflow "Nightly" was refused in 24 h, the last time at 2026-11-30 08:00 UTC: The server is away. Requested by Ana.',
	]);
});

it('tells a refusal by another run until the same has succeeded, and one of what was not allowed in any case', () => {
	const locked = { outcome: 'refused', error: { code: 'STORAGE_LOCKED', message: 'Another run is at it.' } } as const;
	const told = (hours: number, events: JournalEvent[]) =>
		refusalProblems(stateOf([series([{ hours }])]), recent(events)).length;
	expect(told(3, [event(2, locked)])).toBe(1);
	expect(told(1, [event(2, locked)])).toBe(0);
	const prune = { action: 'prune' } as const;
	expect(told(3, [event(2, { ...prune, ...locked })])).toBe(1);
	expect(told(3, [event(1, { ...prune, outcome: 'succeeded' }), event(2, { ...prune, ...locked })])).toBe(0);
	expect(told(3, [event(1, { ...prune, ...locked }), event(2, { ...prune, outcome: 'succeeded' })])).toBe(1);
	const denied = { action: 'restore', outcome: 'refused', error: { code: 'KEY_WRONG', message: 'No.' } } as const;
	expect(told(3, [event(1, { action: 'restore', outcome: 'succeeded' }), event(2, denied)])).toBe(1);
});

describe('a restore, a copy, a prune that failed', () => {
	const told = (events: JournalEvent[], more: Parameters<typeof stateOf>[1] = {}) =>
		failedRunProblems(stateOf([], more), recent(events), (name) => name === 'ignored').map(({ message }) => message);
	const { kind: _kind, name: _name, ...copy } = event(2, { action: 'copy', from: 'folder a', to: 'bucket b' });

	it('is a problem until the same succeeds', () => {
		expect(told([copy])).toEqual([
			'Copy from folder a to bucket b failed at 2026-11-30 10:00 UTC: The server is away.',
		]);
		const succeeded = { ...copy, outcome: 'succeeded', endedAt: hoursAgo(1) } as const;
		expect(told([succeeded, copy])).toEqual([]);
		expect(told([{ ...succeeded, to: 'bucket c' }, copy])).toHaveLength(1);
		expect(told([copy, { ...succeeded, endedAt: hoursAgo(3) }])).toHaveLength(1);
		expect(told([event(2, { action: 'restore' }), event(3, { action: 'restore' })])).toHaveLength(1);
		expect(told([event(2, { action: 'restore', name: 'ignored' })])).toEqual([]);
		// A cancelled run says nothing of whether it would succeed.
		expect(told([event(1, { action: 'restore', outcome: 'cancelled' }), event(2, { action: 'restore' })])).toHaveLength(
			1,
		);
	});

	it('is told once: what a prune has noted, a verification found, or a back up did not make, is told by the storage', () => {
		const prune = event(2, { action: 'prune' });
		expect(told([prune])).toHaveLength(1);
		const lastPrune = { at: hoursAgo(2), refusal: 'The clock is wrong.', failed: 0 };
		expect(told([prune], { lastPrunes: [lastPrune] } as Parameters<typeof stateOf>[1])).toEqual([]);
		expect(told([event(2), event(2, { action: 'verify' })])).toEqual([]);
	});
});

describe('events in a report', () => {
	const state = stateOf([series([{ hours: 1 }])]);
	const events = recent([
		event(1, { action: 'restore', outcome: 'refused', to: HOSTILE, requestedBy: HOSTILE, error: { message: HOSTILE } }),
		event(2, { name: HOSTILE, execution: { workflowName: HOSTILE } }),
		event(3, { action: 'prune', outcome: 'succeeded', summary: '5 deleted' }),
	]);
	const problems = findProblems(state);
	const facts: TextFacts = {
		at: NOW,
		storage: 'folder backups',
		problems,
		overview: overviewOf(state, problems, resultsOf(state)),
		events,
	};

	it('stand in each form, as text whatever they hold', () => {
		const page = statusPage(state, facts.overview, problems, {
			title: 'Backups',
			targets: DEFAULT_TARGETS,
			next: undefined,
			events,
		});
		for (const html of [page, mailHtml(facts)]) {
			expect(html).toContain('Events of the last day');
			expect(html).toContain('5 deleted');
			expect(html).not.toContain('<script>');
		}
		const text = plainText(facts);
		expect(text).toContain('Events of the last day (3)');
		expect(text.split('\n').filter((line) => line.includes('Prune'))).toHaveLength(1);
		expect(text).not.toMatch(/^\| # /m);
		expect(markdown(facts)).not.toMatch(/<script>|\[z\]\(/);
		const slack = JSON.stringify(slackBlocks(facts));
		expect(slack).toContain('5 deleted');
		expect(slack).not.toContain('<!channel>');
	});

	it('that did not succeed are shown before others where there is no room for all', () => {
		const prunes = Array.from({ length: 60 }, () => event(1, { action: 'prune', outcome: 'succeeded' }));
		const many = { ...facts, events: recent([...prunes, event(2, { error: { message: 'The disk broke.' } })]) };
		const slack = JSON.stringify(slackBlocks(many));
		for (const text of [plainText(many), markdown(many), mailHtml(many), slack]) {
			expect(text).toContain('The disk broke.');
		}
		expect(plainText(many)).toContain('And 11 more.');
		expect(slack).toContain('And 46 more.');
	});

	it('stand in the JSON with all that is known of them', () => {
		const audit = auditOf(events);
		expect(audit).toMatchObject({
			window_hours: 24,
			more: 0,
			counts: { backUp: { failed: 1 }, prune: { succeeded: 1 } },
		});
		expect(audit.events[2]).toMatchObject({
			action: 'prune',
			summary: '5 deleted',
			workflow_name: 'Nightly',
		});
	});

	it('are metrics', async () => {
		const metrics = await metricsText(state, problems, { targets: DEFAULT_TARGETS, events });
		expect(metrics).toContain('stack_backup_recent_events{action="restore",outcome="refused"} 1');
		expect(metrics).toContain('stack_backup_recent_events{action="restore",outcome="failed"} 0');
		expect(metrics).toContain('stack_backup_recent_events_window_seconds 86400');
		expect(metrics).toContain('stack_backup_refused_runs{action="restore",kind="postgres",name="shop"} 1');
		expect(metrics.match(/^stack_backup_failed_runs.*$/gm)).toHaveLength(1);
		const without = await metricsText(state, [], {
			targets: DEFAULT_TARGETS,
			events,
			isIgnored: (name) => name === 'shop',
		});
		expect(without).not.toMatch(/^stack_backup_refused_runs\{/m);
	});
});
