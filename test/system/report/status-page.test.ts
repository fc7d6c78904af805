import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import type { AxeResults } from 'axe-core';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';

import {
	DEFAULT_TARGETS,
	findProblems,
	overviewOf,
	resultsOf,
	statusPage,
	type JournalEvent,
	type LoggedSystem,
	type RecentEvents,
	type StorageState,
} from '../../../engine';
import type { RunningRun } from '../../../engine/archive';
import { hoursAgo, series, stateOf, verified } from '../../unit/report/states';

const SCREENSHOTS = join(__dirname, '..', '..', '..', '.cache', 'screenshots');
const AXE = readFileSync(createRequire(__filename).resolve('axe-core/axe.min.js'), 'utf8');
const NAME = `${'a_very_long_name_without_a_blank_'.repeat(6)}<script>document.title = "taken"</script>`;

let browser: Browser;
let page: Page;
/** What the page asked for beyond itself, and what the browser complained of. */
const noticed: string[] = [];

beforeAll(async () => {
	browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
	page = await browser.newPage();
	page.on('request', (request) => noticed.push(request.url()));
	page.on('console', (message) => noticed.push(message.text()));
	page.on('pageerror', (error) => noticed.push(error.message));
});

afterAll(async () => {
	await browser?.close();
});

const daily = (from: number, stored: (day: number) => number) =>
	Array.from({ length: 30 }, (_, day) => ({
		hours: from + 24 * day,
		stored: stored(day),
		seconds: 60 + ((day * 7) % 20),
		more: verified(from + 24 * day - 1),
	}));

/** A server whose WAL was lost once, and again just now; one that is followed as it writes; one without a base backup; slots. */
const log: LoggedSystem = {
	...{ kind: 'postgres-wal', baseKind: 'postgres-base', system: '7301', name: 'main', bases: 16, pieces: 312 },
	windows: [
		{
			...{ from: hoursAgo(720), to: hoursAgo(500), lastTransaction: hoursAgo(500), timeline: 1 },
			...{ fromPosition: '0/2000100', toPosition: '0/5000000', bases: 9 },
			baseTimes: Array.from({ length: 9 }, (_, index) => hoursAgo(720 - 24 * index)),
		},
		{
			...{ from: hoursAgo(440), to: hoursAgo(30), lastTransaction: hoursAgo(30), timeline: 1 },
			...{ fromPosition: '0/7000100', toPosition: '1/5000000', bases: 7 },
			baseTimes: Array.from({ length: 7 }, (_, index) => hoursAgo(440 - 60 * index)),
		},
	],
	gaps: [
		{
			...{ state: 'healed', timeline: 1, fromPosition: '0/5000000', toPosition: '0/7000000' },
			...{ after: hoursAgo(500), before: hoursAgo(450) },
		},
		{
			...{ state: 'open', timeline: 1, fromPosition: '1/5000000', toPosition: '1/9000000' },
			...{ after: hoursAgo(30), before: undefined },
		},
	],
	...{ storedBytes: 3.2e9, uselessBases: 0, since: hoursAgo(721), seenAt: hoursAgo(30) },
};
const followed: LoggedSystem = {
	...{ ...log, system: '7302', name: 'followed', gaps: [], bases: 7, seenAt: hoursAgo(0.01) },
	windows: [{ ...log.windows[1]!, from: hoursAgo(440), to: hoursAgo(0.01) }],
};
const slot = { name: 'n8n_pitr', isActive: true, isPhysical: true, status: 'reserved', heldBytes: 4e6, roomBytes: 4e9 };
const RECOVERY = {
	logs: [log, followed, { ...followed, system: '7303', name: NAME, windows: [], since: hoursAgo(9), pieces: 1 }],
	serverLogs: [
		{
			...{ address: 'db:5432', system: '7302', sign: undefined, limitBytes: 5e9 },
			slots: [
				slot,
				{ ...slot, name: 'old_standby', isActive: false, status: 'lost', heldBytes: undefined, roomBytes: 0 },
			],
		},
	],
};

/** Everything that the page can show: what runs and what was refused, good, doubtful and bad ones, names that are no words, a retention that has refused. */
const FULL = stateOf(
	[
		series(daily(3, (day) => 4e8 - day * 4e6)),
		series(
			daily(2, () => 9e7),
			{ kind: 'qdrant', name: 'articles', weeklyCopies: 4 },
		),
		series([{ hours: 90 }, { hours: 114, more: { isComplete: false } }], { kind: 'minio', name: 'documents' }),
		series([{ hours: 5 }], { kind: 'files', name: NAME }),
		series([{ hours: 5, more: verified(1, 'failed') }], { kind: 'postgres', name: 'crm' }),
	],
	{ freeBytes: 12e9, ...RECOVERY },
);
const EMPTY = stateOf([]);
const FINE = stateOf([series(daily(3, (day) => 4e8 - day * 4e6))]);

const next = {
	lastRun: '2026-11-30T01:00:00.000Z',
	runs: 1,
	refusals: [],
	count: 1,
	deletions: [{ key: `postgres/${NAME}.sql.zst`, startedAt: '2026-10-01T02:00:00.000Z', size: 3e8, reason: 'no rule' }],
	freedBytes: 3e8,
	logs: [
		{
			name: 'main',
			kept: 1200,
			keptBytes: 9e10,
			reason: 'the recovery window of 7 days begins with the base backup x',
		},
	],
	mayBeLocked: true,
};

const run: RunningRun = {
	formatVersion: 1,
	id: '11111111-0000-4000-8000-000000000000',
	action: 'backUp',
	kind: 'postgres',
	name: 'shop',
	startedAt: hoursAgo(0.5),
	bytes: 1e9,
	bytesPerSecond: 1e7,
	totalBytes: 4e9,
	workflow: 'Nightly',
	execution: '17',
	host: 'worker-1',
	process: 7,
	seenAt: hoursAgo(0),
	isDead: false,
};
const running = [run, { ...run, kind: 'files', name: NAME, seenAt: hoursAgo(0.4), isDead: true }];

const event: JournalEvent = {
	id: '0123456789abcdef',
	action: 'restore',
	outcome: 'refused',
	kind: 'postgres',
	name: 'shop',
	server: 'db:5432',
	startedAt: hoursAgo(2),
	endedAt: hoursAgo(2),
	error: { code: 'NOT_CONFIRMED', message: 'The restore was not confirmed.' },
	requestedBy: NAME,
	execution: { id: '17', workflowId: 'w1', workflowName: 'Nightly' },
};
const failed: JournalEvent = { ...event, action: 'backUp', outcome: 'failed', name: NAME, endedAt: hoursAgo(3) };
const events: RecentEvents = {
	since: hoursAgo(24),
	hours: 24,
	events: [event, failed],
	left: 3,
	counts: [
		{ action: 'restore', outcome: 'refused', count: 1 },
		{ action: 'backUp', outcome: 'failed', count: 1 },
	],
	failedBackUps: [failed],
	unreadable: 1,
};

function htmlOf(state: StorageState): string {
	const problems = findProblems(state, { expected: state === FULL ? [{ name: 'accounts' }] : [] });
	const overview = overviewOf(state, problems, resultsOf(state));
	const title = 'Backups of our shop';
	return statusPage(state, overview, problems, {
		title,
		targets: DEFAULT_TARGETS,
		next: state === FULL ? next : undefined,
		...(state === FULL && { running, events }),
	});
}

const PAGES = { full: FULL, empty: EMPTY, fine: FINE };
const CASES = Object.keys(PAGES).flatMap((name) =>
	(['light', 'dark'] as const).flatMap((theme) => [1280, 390].map((width) => ({ name, theme, width }))),
);

it.each(CASES)('is readable for everybody: $name, $theme, $width px', async ({ name, theme, width }) => {
	await page.setViewportSize({ width, height: 900 });
	await page.emulateMedia({ colorScheme: theme });
	await page.setContent(htmlOf(PAGES[name as keyof typeof PAGES]));
	await page.screenshot({ path: join(SCREENSHOTS, `status-page-${name}-${theme}-${width}.png`), fullPage: true });
	expect(noticed).toEqual([]);
	expect(await page.title()).toMatch(/ · Backups of our shop$/);
	// Nothing is wider than the window.
	expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
	await page.evaluate(AXE);
	const { violations, incomplete, passes } = await page.evaluate<AxeResults>('axe.run()');
	const told = (results: AxeResults['violations']) =>
		results.flatMap(({ id, nodes }) =>
			nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 120)} ${failureSummary}`),
		);
	expect(told(violations)).toEqual([]);
	// Contrast was measured, and could be measured everywhere.
	expect(passes.map(({ id }) => id)).toContain('color-contrast');
	expect(told(incomplete.filter(({ id }) => id === 'color-contrast'))).toEqual([]);
});
