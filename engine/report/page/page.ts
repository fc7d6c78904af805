/**
 * The status page: one HTML document without scripts, links, cookies or anything to load, so that it can be answered by a
 * webhook (n8n puts such answers into a sandbox), mailed, or kept as a file. Whatever comes from the storage is escaped.
 */
import type { RunningRun } from '../../archive';
import { addedPerDay, daysLeft } from '../growth';
import { eventsTitle } from '../event-rows';
import type { RecentEvents } from '../events';
import type { Overview, OverviewRow } from '../overview';
import type { Problem } from '../problems';
import { secondsOf } from '../report';
import { isReliable, type HeldBackup } from '../held';
import type { StorageState } from '../state';
import type { Tone } from '../tone';
import { ageHours, type Targets } from '../targets';
import { escapedHtml } from '../texts/markup';
import { readableHours, readableMinute, readableSize } from '../words';
import { barChart, toneSign, type Bar } from './charts';
import { runningCards } from './running';
import { eventTable } from './events';
import { STYLE } from './style';
import { windowCards } from './windows';

/** Cards of more series than these are left out, and said to be. */
const MOST_CARDS = 200;
const MOST_PROBLEMS = 50;

/** What the next prunes would delete. */
export interface NextDeletions {
	/** When retention last ran; ISO 8601, UTC. */
	lastRun: string;
	/** How many policies it goes by: those of runs that come one after another. */
	runs: number;
	/** Why some of them would delete nothing. */
	refusals: string[];
	/** Of the others. */
	count: number;
	/** The first of them to be shown, the oldest first. */
	deletions: { key: string; startedAt: string; size: number; reason: string }[];
	freedBytes: number;
	/** The WAL of each cluster that stays, and why. */
	logs: { name: string; kept: number; keptBytes: number; reason: string }[];
	/** Whether the storage may hold some of them by locks, which were not asked for. */
	mayBeLocked: boolean;
}

export interface PageOptions {
	/** `Backups of our shop`. */
	title: string;
	targets: Targets;
	/** Undefined where no prune has left its policy in the storage. */
	next: NextDeletions | undefined;
	/** What runs now, and what did not end; left out where undefined. */
	running?: readonly RunningRun[];
	/** Seconds after which a browser loads the page anew; none where undefined. */
	refreshSeconds?: number;
	/** What the journal tells. */
	events?: RecentEvents;
}

/** The page as a whole document. */
export function statusPage(
	state: StorageState,
	overview: Overview,
	problems: readonly Problem[],
	{ title, targets, next, running, refreshSeconds, events }: PageOptions,
): string {
	const rows = overview.rows.slice(0, MOST_CARDS);
	const left = overview.rows.length - rows.length;
	const body = [
		verdict(state, overview),
		problemList(problems),
		heading('Targets'),
		`<div class="grid">${overview.targets.map(targetTile).join('')}</div>`,
		heading('What is backed up'),
		rows.length > 0
			? `<div class="cards">${rows.map((row) => card(row, state, targets)).join('\n')}</div>`
			: '<p class="soft">Nothing yet.</p>',
		left > 0 ? `<p class="soft">And ${left} more.</p>` : '',
		...recoverable(state, overview),
		...(running ? [heading('What is running now'), runningCards(running, state.at)] : []),
		heading('Storage'),
		room(state),
		heading('What retention deletes next'),
		deletions(next),
		events ? `${heading(eventsTitle(events))}${eventTable(events)}` : '',
		`<footer><p>What the storage holds at ${readableMinute(state.at)}. Ages count from the beginning of a backup.${leftOut(state)}</p></footer>`,
	];
	return [
		'<!DOCTYPE html>',
		'<html lang="en">',
		'<head>',
		'<meta charset="utf-8">',
		'<meta name="viewport" content="width=device-width, initial-scale=1">',
		'<meta name="robots" content="noindex">',
		...(refreshSeconds === undefined ? [] : [`<meta http-equiv="refresh" content="${Math.round(refreshSeconds)}">`]),
		`<title>${escapedHtml(overview.headline)} · ${escapedHtml(title)}</title>`,
		`<style>${STYLE}</style>`,
		'</head>',
		'<body>',
		'<main>',
		`<p class="soft small">${escapedHtml(title)}</p>`,
		...body.filter((part) => part !== ''),
		'</main>',
		'</body>',
		'</html>',
		'',
	].join('\n');
}

/** Only where there are physical backups, or slots on a server that somebody asked. */
function recoverable({ serverLogs = [], at }: StorageState, { windows }: Overview): string[] {
	if (windows.length === 0 && serverLogs.every(({ slots }) => slots.length === 0)) return [];
	return [heading('What point in time can be recovered'), windowCards(windows, serverLogs, at)];
}

/** What nobody wants to hear of is not forgotten without a word. */
function leftOut({ ignored = [] }: StorageState): string {
	if (ignored.length === 0) return '';
	if (ignored.length === 1) return ' One thing is left out by its name.';
	return ` ${ignored.length} things are left out by their names.`;
}

function heading(text: string): string {
	return `<h2>${escapedHtml(text)}</h2>`;
}

function verdict({ storage, at }: StorageState, { tone, headline }: Overview): string {
	return [
		`<section class="verdict ${tone}">${toneSign(tone)}`,
		`<div><h1>${escapedHtml(headline)}</h1>`,
		`<p class="soft">${escapedHtml(storage)} · ${readableMinute(at)}</p></div></section>`,
	].join('');
}

function problemList(problems: readonly Problem[]): string {
	if (problems.length === 0) return '';
	const left = problems.length - MOST_PROBLEMS;
	const items = problems.slice(0, MOST_PROBLEMS).map(({ severity, message, hint }) => {
		const tone = severity === 'critical' ? 'bad' : 'doubtful';
		return `<li class="${tone}"><span class="badge">${severity}</span> ${escapedHtml(message)} <span class="soft">${escapedHtml(hint)}</span></li>`;
	});
	const more = left > 0 ? `<p class="soft">And ${left} more.</p>` : '';
	return `${heading(`Problems (${problems.length})`)}<ul class="problems">${items.join('')}</ul>${more}`;
}

function targetTile({ title, tone, value, wanted }: Overview['targets'][number]): string {
	const word = tone === 'unknown' ? 'not known yet' : tone === 'good' ? 'met' : 'missed';
	return [
		`<div class="tile ${tone}"><p class="soft small">${escapedHtml(title)}</p>`,
		`<strong>${escapedHtml(value)}</strong>`,
		`<p class="small"><span class="badge">${word}</span> <span class="soft">${escapedHtml(wanted)}</span></p></div>`,
	].join('');
}

const BADGES: Record<Tone, string> = { good: 'safe', doubtful: 'safe, needs a look', bad: 'not safe' };

function card(row: OverviewRow, state: StorageState, targets: Targets): string {
	const { series, subject, tone, age, size, duration, verification } = row;
	const facts = [
		[
			series.reachesTo === undefined ? 'Newest good backup' : 'Brings back all up to',
			`${age === 'none' ? 'none' : `${age} ago`}${ageBar(row, state, targets)}`,
		],
		['Size', escapedHtml(size)],
		['Took', escapedHtml(duration)],
		['Verification', escapedHtml(verification)],
		[
			'Backups',
			`${series.backups}${series.weeklyCopies > 0 ? ` and ${series.weeklyCopies} weekly` : ''}, ${readableSize(series.storedBytes)}`,
		],
	];
	return [
		`<article class="card ${tone}"><header><h3>${escapedHtml(subject)}</h3><span class="badge">${BADGES[tone]}</span></header>`,
		`<dl class="facts">${facts.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join('')}</dl>`,
		charts(row),
		'</article>',
	].join('');
}

/** How much of the allowed age has gone by. */
function ageBar({ series }: OverviewRow, { at }: StorageState, { rpoHours }: Targets): string {
	const hours = ageHours(series, Date.parse(at));
	if (hours === undefined) return '';
	const share = Math.min(1, hours / rpoHours);
	const label = `${readableHours(hours)} of the ${readableHours(rpoHours)} that are allowed`;
	return `<div class="age" role="img" aria-label="${label}"><span style="width:${Math.round(share * 100)}%"></span></div>`;
}

function charts({ series: { newest, isLog }, subject }: OverviewRow): string {
	// A piece of a log is as large as what was written since the one before.
	if (newest.length < 2 || isLog) return '';
	const oldestFirst = newest.toReversed();
	return [
		'<div class="charts">',
		chart('Size', subject, oldestFirst, ({ facts }) => facts.size.stored, readableSize),
		chart('Duration', subject, oldestFirst, secondsOf, (seconds) => readableHours(seconds / 3600)),
		'</div>',
	].join('');
}

function chart(
	name: string,
	subject: string,
	backups: readonly HeldBackup[],
	valueOf: (backup: HeldBackup) => number,
	shown: (value: number) => string,
): string {
	const bars = backups.map((backup): Bar => {
		const value = valueOf(backup);
		const isBad = !isReliable(backup);
		const remark = isBad ? ', cannot be relied on' : '';
		return { value, isBad, title: `${readableMinute(backup.facts.startedAt)}: ${shown(value)}${remark}` };
	});
	const values = bars.map(({ value }) => value);
	const range = `${shown(Math.min(...values))} to ${shown(Math.max(...values))}`;
	const label = `${name} of the last ${bars.length} backups of ${subject}: ${range}`;
	return `<figure>${barChart(bars, label)}<figcaption><span>${name}, last ${bars.length}</span><span>${range}</span></figcaption></figure>`;
}

function room(state: StorageState): string {
	const { freeBytes, totalBytes, storedBytes } = state;
	const rate = addedPerDay(state);
	const days = daysLeft(state);
	const lines = [
		`Backups take ${readableSize(storedBytes)}${rate === undefined ? '' : `; ${readableSize(rate)} are added each day`}.`,
		freeBytes === undefined
			? 'This storage does not tell how much room is left.'
			: `${readableSize(freeBytes)} are free${days === undefined ? '' : `: enough for ${days > 3650 ? 'more than ten years' : readableHours(days * 24)} if nothing is deleted`}.`,
	];
	return `<div class="card">${roomBar(freeBytes, totalBytes, storedBytes)}${lines.map((line) => `<p>${line}</p>`).join('')}</div>`;
}

function roomBar(freeBytes: number | undefined, totalBytes: number | undefined, storedBytes: number): string {
	if (freeBytes === undefined || totalBytes === undefined || totalBytes <= 0) return '';
	const used = Math.max(0, totalBytes - freeBytes);
	const own = Math.min(used, storedBytes) / totalBytes;
	const others = used / totalBytes - own;
	const percent = (share: number) => `${Math.round(share * 1000) / 10}%`;
	const label = `Of ${readableSize(totalBytes)}, ${percent(own)} are backups, ${percent(others)} something else, the rest is free`;
	return [
		`<div class="room" role="img" aria-label="${label}"><span class="own" style="width:${percent(own)}"></span><span class="others" style="width:${percent(others)}"></span></div>`,
		`<p class="small soft"><span class="key" style="background:var(--chart)"></span>backups ${percent(own)} &nbsp; <span class="key" style="background:var(--chart-soft)"></span>something else ${percent(others)} &nbsp; of ${readableSize(totalBytes)}</p>`,
	].join('');
}

function deletions(next: NextDeletions | undefined): string {
	if (!next) {
		return '<div class="card"><p class="soft">Not known: no prune has run on this storage yet. Prune Retention notes its policy there.</p></div>';
	}
	const { refusals, runs } = next;
	const refused = refusals.map(
		(refusal) => `<div class="card bad"><p><span class="badge">refused</span> ${escapedHtml(refusal)}</p></div>`,
	);
	return [...refused, ...(refusals.length < runs ? [thoseGoing(next)] : [])].join('');
}

/** Why so much WAL stays: a line for each cluster. */
function logLines(logs: NextDeletions['logs']): string {
	return logs
		.filter(({ kept }) => kept > 0)
		.map(
			({ name, kept, keptBytes, reason }) =>
				`<p class="soft">WAL of ${escapedHtml(name)}: ${kept} ${kept === 1 ? 'archive stays' : 'archives stay'}, ${readableSize(keptBytes)}: ${escapedHtml(reason)}.</p>`,
		)
		.join('');
}

function thoseGoing({ lastRun, runs, count, deletions: going, freedBytes, logs, mayBeLocked }: NextDeletions): string {
	const at = readableMinute(lastRun);
	const intro =
		runs === 1 ? `By the policy of the last prune (${at})` : `By the ${runs} policies of the last prunes (until ${at})`;
	if (count === 0) return `<div class="card"><p>${intro}, nothing within a day.</p>${logLines(logs)}</div>`;
	const left = count - going.length;
	const rows = going.map(
		({ key, startedAt, size, reason }) =>
			`<tr><td>${escapedHtml(key)}</td><td class="figure">${readableMinute(startedAt)}</td><td class="figure">${readableSize(size)}</td><td>${escapedHtml(reason)}</td></tr>`,
	);
	return [
		`<div class="card"><p>${intro}, ${count} within a day, ${readableSize(freedBytes)}.${mayBeLocked ? ' Locks of the storage were not asked for: what it holds stays.' : ''}</p>`,
		`<table><tr><th>File</th><th>Begun</th><th>Size</th><th>Why</th></tr>${rows.join('')}</table>`,
		left > 0 ? `<p class="soft">And ${left} more.</p>` : '',
		logLines(logs),
		'</div>',
	].join('');
}
