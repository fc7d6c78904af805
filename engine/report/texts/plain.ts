import type { RunningRun } from '../../archive';
import { eventRows, eventsTitle } from '../event-rows';
import type { RecentEvents } from '../events';
import type { Overview } from '../overview';
import type { Problem } from '../problems';
import { runLine, runsTitle } from '../running';
import { windowLine } from '../windows';
import { oneLine, readableMinute } from '../words';

/** Of more problems or rows than these the rest is counted: a message is to be read. */
export const MOST_LINES = 50;

/** What every text is made of. */
export interface TextFacts {
	/** ISO 8601, UTC. */
	at: string;
	storage: string;
	overview: Overview;
	problems: readonly Problem[];
	/** Problems that are over, in a message that tells changes. */
	cleared?: readonly { subject: string; message: string }[];
	/** What runs now, and what did not end. */
	running?: readonly RunningRun[];
	/** What the journal tells. */
	events?: RecentEvents;
}

/** One line for a mail's subject: `Backups: all 4 are safe (folder backups)`. */
export function subjectLine({ overview: { headline }, storage }: TextFacts): string {
	return `Backups: ${headline.charAt(0).toLowerCase()}${headline.slice(1)} (${oneLine(storage)})`;
}

/** The report as plain text, a line an entry. */
export function plainText(facts: TextFacts): string {
	const { at, storage, overview, problems, cleared = [], running = [], events } = facts;
	const problemLines = limited(problems, ({ severity, message, hint }) => [
		`  ${severity === 'critical' ? '[!!]' : '[! ]'} ${oneLine(message)} ${oneLine(hint)}`,
	]);
	const rows = limited(overview.rows, ({ subject, age, size, duration, verification, tone }) => [
		`  ${MARK[tone]} ${oneLine(subject)}: newest good backup ${age === 'none' ? 'none' : `${age} ago`}, ${size}, took ${duration}; ${verification}`,
	]);
	const windows = limited(overview.windows, (row) => [
		`  ${MARK[row.tone]} ${oneLine(windowLine(row))}`,
		...row.gaps.map(({ state, word, text }) => `    ${GAP_MARK[state]} ${word}: ${oneLine(text)}`),
	]);
	const targets = overview.targets.map(({ title, value, wanted, tone }) => {
		const met = tone === 'unknown' ? 'not known yet' : tone === 'good' ? 'met' : 'MISSED';
		return `  ${title}: ${value} (${wanted}): ${met}`;
	});
	return [
		`${overview.headline}. ${oneLine(storage)}, ${readableMinute(at)}.`,
		...(problemLines.length > 0 ? ['', `Problems (${problems.length})`, ...problemLines] : []),
		...(cleared.length > 0
			? ['', `Over (${cleared.length})`, ...limited(cleared, ({ message }) => [`  [ok] ${oneLine(message)}`])]
			: []),
		'',
		`What is backed up (${overview.rows.length})`,
		...rows,
		...(windows.length > 0 ? ['', 'What point in time can be recovered', ...windows] : []),
		...(running.length > 0
			? [
					'',
					runsTitle(running),
					...limited(running, (run) => [`  ${run.isDead ? MARK.doubtful : MARK.running} ${runLine(run, at)}`]),
				]
			: []),
		'',
		'Targets',
		...targets,
		...(events ? eventLines(events) : []),
		'',
	].join('\n');
}

function eventLines(events: RecentEvents): string[] {
	const { rows, left } = eventRows(events, MOST_LINES);
	if (rows.length === 0) return [];
	return [
		'',
		`${eventsTitle(events)} (${rows.length + left})`,
		...limited(
			rows,
			({ at, tone, what, result, by }) => [
				`  ${MARK[tone]} ${at} ${oneLine(what)} ${oneLine(result)}${by === '' ? '' : ` (${oneLine(by)})`}`,
			],
			left,
		),
	];
}

const MARK = { good: '[ok]', doubtful: '[! ]', bad: '[!!]', running: '[..]' } as const;
const GAP_MARK = { open: MARK.bad, pending: MARK.doubtful, healed: MARK.good } as const;

/** The lines of the first entries, and how many more there are. @param left beyond the entries */
export function limited<T>(entries: readonly T[], linesOf: (entry: T) => string[], left = 0): string[] {
	const rest = Math.max(0, entries.length - MOST_LINES) + left;
	return [...entries.slice(0, MOST_LINES).flatMap(linesOf), ...(rest > 0 ? [`  And ${rest} more.`] : [])];
}
