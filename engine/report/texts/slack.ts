import { eventRows } from '../event-rows';
import { runLine, runsTitle } from '../running';
import { windowLine } from '../windows';
import { readableMinute } from '../words';
import { escapedSlack } from './markup';
import type { TextFacts } from './plain';

/** What Slack takes: 50 blocks of a message, 150 characters of a header, 3,000 of a section (api.slack.com/reference/block-kit/blocks). */
const MAX_HEADER = 150;
const MAX_SECTION = 3000;
const MOST_ENTRIES = 15;

const MARK = {
	good: ':white_check_mark:',
	doubtful: ':warning:',
	bad: ':x:',
	unknown: ':grey_question:',
	running: ':hourglass_flowing_sand:',
} as const;

/** `verbatim`: addresses and names of channels in it do not become links. */
interface MarkdownText {
	type: 'mrkdwn';
	text: string;
	verbatim: true;
}

/** A block of Slack's Block Kit. */
export type SlackBlock =
	| { type: 'header'; text: { type: 'plain_text'; text: string; emoji: true } }
	| { type: 'section'; text: MarkdownText }
	| { type: 'context'; elements: MarkdownText[] }
	| { type: 'divider' };

/** The report as a message of Slack: `{ blocks }` goes into chat.postMessage, or to an incoming webhook. */
export function slackBlocks({
	at,
	storage,
	overview,
	problems,
	cleared = [],
	running = [],
	events,
}: TextFacts): SlackBlock[] {
	const problemLines = problems.map(
		({ severity, message, hint }) =>
			`${severity === 'critical' ? MARK.bad : MARK.doubtful} ${escapedSlack(message)} ${escapedSlack(hint)}`,
	);
	const over = cleared.map(({ message }) => `${MARK.good} Over: ${escapedSlack(message)}`);
	const rows = overview.rows.map(
		({ tone, subject, age, size, verification }) =>
			`${MARK[tone]} *${escapedSlack(subject)}*: ${age === 'none' ? 'no good backup' : `${age} old`}, ${size}, ${escapedSlack(verification)}`,
	);
	const windows = overview.windows.map((row) => {
		const gaps = row.gaps.filter(({ state }) => state === 'open').length;
		const missing = gaps === 0 ? '' : '; WAL is missing: make a base backup';
		return `${MARK[row.tone]} ${escapedSlack(windowLine(row))}${missing}`;
	});
	const targets = overview.targets.map(
		({ title, value, wanted, tone }) => `${MARK[tone]} ${title}: ${value} (${wanted})`,
	);
	const runs = running.map((run) => `${run.isDead ? MARK.doubtful : MARK.running} ${escapedSlack(runLine(run, at))}`);
	const { rows: shown, left } = events ? eventRows(events, MOST_ENTRIES) : { rows: [], left: 0 };
	const happened = shown.map(
		({ at: when, tone, what, result, by }) =>
			`${MARK[tone]} ${when} ${escapedSlack(what)}: ${escapedSlack(result)}${by === '' ? '' : ` _(${escapedSlack(by)})_`}`,
	);
	return [
		{
			type: 'header',
			text: { type: 'plain_text', text: cut(`Backups: ${overview.headline}`, MAX_HEADER), emoji: true },
		},
		{
			type: 'context',
			elements: [
				{ type: 'mrkdwn', text: cut(`${escapedSlack(storage)}, ${readableMinute(at)}`, MAX_SECTION), verbatim: true },
			],
		},
		...(problemLines.length > 0 ? [section(problemLines)] : []),
		...(over.length > 0 ? [section(over)] : []),
		...(problemLines.length + over.length > 0 ? [{ type: 'divider' as const }] : []),
		...(rows.length > 0 ? [section(rows)] : []),
		...(windows.length > 0 ? [section(['*What point in time can be recovered*', ...windows])] : []),
		{ type: 'divider' },
		section(targets),
		...(runs.length > 0 ? [{ type: 'divider' as const }, section([`*${runsTitle(running)}*`, ...runs])] : []),
		...(happened.length > 0 ? [{ type: 'divider' as const }, section(happened, left)] : []),
	];
}

/** @param left how many there are beyond the lines */
function section(lines: readonly string[], left = 0): SlackBlock {
	const rest = Math.max(0, lines.length - MOST_ENTRIES) + left;
	const some = [...lines.slice(0, MOST_ENTRIES), ...(rest > 0 ? [`And ${rest} more.`] : [])];
	// Each entry gets its share, so that a long name cannot push the others out.
	const share = Math.floor(MAX_SECTION / some.length) - 1;
	return {
		type: 'section',
		text: { type: 'mrkdwn', text: some.map((line) => cut(line, share)).join('\n'), verbatim: true },
	};
}

function cut(text: string, length: number): string {
	const characters = [...text];
	return characters.length <= length ? text : `${characters.slice(0, Math.max(0, length - 1)).join('')}…`;
}
