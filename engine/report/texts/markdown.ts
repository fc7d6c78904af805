import { eventRows, eventsTitle } from '../event-rows';
import type { RecentEvents } from '../events';
import { runLine, runsTitle } from '../running';
import { windowLine } from '../windows';
import { readableMinute } from '../words';
import { escapedMarkdown } from './markup';
import { limited, MOST_LINES, type TextFacts } from './plain';

const MARK = { good: '✅', doubtful: '⚠️', bad: '❌', unknown: '❔', running: '⏳' } as const;
const GAP_MARK = { open: MARK.bad, pending: MARK.doubtful, healed: MARK.unknown } as const;

/** The report as Markdown, for chats, issues and wikis. */
export function markdown({ at, storage, overview, problems, cleared = [], running = [], events }: TextFacts): string {
	const problemLines = limited(problems, ({ severity, message, hint }) => [
		`- ${severity === 'critical' ? MARK.bad : MARK.doubtful} ${escapedMarkdown(message)} ${escapedMarkdown(hint)}`,
	]);
	const rows = limited(overview.rows, (row) => [
		`| ${MARK[row.tone]} | ${escapedMarkdown(row.subject)} | ${row.age} | ${row.size} | ${row.duration} | ${escapedMarkdown(row.verification)} |`,
	]);
	return [
		`## ${MARK[overview.tone]} ${escapedMarkdown(overview.headline)}`,
		'',
		`${escapedMarkdown(storage)}, ${readableMinute(at)}`,
		...(problemLines.length > 0 ? ['', `### Problems (${problems.length})`, '', ...problemLines] : []),
		...(cleared.length > 0
			? [
					'',
					`### Over (${cleared.length})`,
					'',
					...limited(cleared, ({ message }) => [`- ${MARK.good} ~~${escapedMarkdown(message)}~~`]),
				]
			: []),
		...(rows.length > 0
			? [
					'',
					'### Backups',
					'',
					'| | What | Age | Size | Took | Verification |',
					'| --- | --- | --- | --- | --- | --- |',
					...rows,
				]
			: []),
		...(overview.windows.length > 0
			? [
					'',
					'### What point in time can be recovered',
					'',
					...limited(overview.windows, (row) => [
						`- ${MARK[row.tone]} ${escapedMarkdown(windowLine(row))}`,
						...row.gaps.map(({ state, word, text }) => `  - ${GAP_MARK[state]} ${word}: ${escapedMarkdown(text)}`),
					]),
				]
			: []),
		...(running.length > 0
			? [
					'',
					`### ${runsTitle(running)}`,
					'',
					...limited(running, (run) => [
						`- ${run.isDead ? MARK.doubtful : MARK.running} ${escapedMarkdown(runLine(run, at))}`,
					]),
				]
			: []),
		'',
		'### Targets',
		'',
		'| | Target | Is | Wanted |',
		'| --- | --- | --- | --- |',
		...overview.targets.map(({ title, value, wanted, tone }) => `| ${MARK[tone]} | ${title} | ${value} | ${wanted} |`),
		...(events ? eventTable(events) : []),
		'',
	].join('\n');
}

function eventTable(events: RecentEvents): string[] {
	const { rows, left } = eventRows(events, MOST_LINES);
	if (rows.length === 0) return [];
	const lines = limited(
		rows,
		({ at, tone, what, result, by }) => [
			`| ${MARK[tone]} | ${at} | ${[what, result, by].map(escapedMarkdown).join(' | ')} |`,
		],
		left,
	);
	return [
		'',
		`### ${eventsTitle(events)} (${rows.length + left})`,
		'',
		'| | When | What | Result | By |',
		'| --- | --- | --- | --- | --- |',
		...lines,
	];
}
