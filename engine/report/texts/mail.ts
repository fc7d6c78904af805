import { eventRows, eventsTitle } from '../event-rows';
import { runRow, runsTitle } from '../running';
import { readableMinute } from '../words';
import { escapedHtml } from './markup';
import { MOST_LINES, type TextFacts } from './plain';

const COLOR = { good: '#1a7f4b', doubtful: '#8a5a00', bad: '#b3261e', unknown: '#5f6b7a' } as const;
const WORD = { good: 'good', doubtful: 'look', bad: 'bad', unknown: 'not known' } as const;
const GAP_TONE = { open: 'bad', pending: 'doubtful', healed: 'unknown' } as const;

/**
 * The report as the HTML of a mail: tables and attributes of style alone, for mail programs know little else; no pictures,
 * links or scripts. Names in it are escaped.
 */
export function mailHtml({ at, storage, overview, problems, cleared = [], running = [], events }: TextFacts): string {
	const cell = (content: string, more = '') =>
		`<td style="padding:6px 10px;border-bottom:1px solid #d8dde3;vertical-align:top;${more}">${content}</td>`;
	const table = (head: readonly string[], rows: readonly string[]) =>
		[
			'<table cellspacing="0" cellpadding="0" style="border-collapse:collapse;margin:0 0 20px;width:100%;max-width:760px">',
			`<tr>${head.map((title) => `<th align="left" style="padding:6px 10px;border-bottom:2px solid #d8dde3">${title}</th>`).join('')}</tr>`,
			...rows,
			'</table>',
		].join('\n');
	const title3 = (text: string) => `<h3 style="margin:0 0 4px">${text}</h3>`;
	const mark = (tone: keyof typeof COLOR) => `<b style="color:${COLOR[tone]}">${WORD[tone]}</b>`;
	const problemRows = problems
		.slice(0, MOST_LINES)
		.map(
			({ severity, message, hint }) =>
				`<tr>${cell(mark(severity === 'critical' ? 'bad' : 'doubtful'))}${cell(`${escapedHtml(message)}<br><span style="color:#5f6b7a">${escapedHtml(hint)}</span>`)}</tr>`,
		);
	const over = cleared
		.slice(0, MOST_LINES)
		.map(({ message }) => `<tr>${cell(mark('good'))}${cell(escapedHtml(message))}</tr>`);
	const rows = overview.rows
		.slice(0, MOST_LINES)
		.map(
			({ tone, subject, age, size, duration, verification }) =>
				`<tr>${cell(mark(tone))}${cell(`<b>${escapedHtml(subject)}</b>`)}${[age, size, duration, escapedHtml(verification)].map((text) => cell(text)).join('')}</tr>`,
		);
	const windows = overview.windows.slice(0, MOST_LINES).map((row) => {
		const { tone, subject, from, to, age, bases, gaps } = row;
		const reach = from === '' ? 'nothing can be recovered' : `any moment from ${from} to ${to}`;
		const missing = gaps.map(({ state, word, text }) => {
			const sign = `<b style="color:${COLOR[GAP_TONE[state]]}">${word}</b>`;
			return `<br>${sign} <span style="color:#5f6b7a">${escapedHtml(text)}</span>`;
		});
		const behind = age === 'none' ? 'none' : `${age} ago`;
		return `<tr>${cell(mark(tone))}${cell(`<b>${escapedHtml(subject)}</b>`)}${cell(`${escapedHtml(reach)}${missing.join('')}`)}${cell(behind)}${cell(escapedHtml(bases))}</tr>`;
	});
	const targets = overview.targets.map(
		({ tone, title, value, wanted }) =>
			`<tr>${cell(mark(tone))}${[title, value, wanted].map((text) => cell(text)).join('')}</tr>`,
	);
	const runs = running
		.slice(0, MOST_LINES)
		.map((run) => runRow(run, at))
		.map(({ title, since, progress, by, isDead }) => {
			const sign = isDead ? mark('doubtful') : `<b style="color:${COLOR.good}">runs</b>`;
			const state = isDead ? `did not end, ${since}` : since;
			return `<tr>${cell(sign)}${[title, state, progress, by].map((text) => cell(escapedHtml(text))).join('')}</tr>`;
		});
	const { rows: happened, left } = events ? eventRows(events, MOST_LINES) : { rows: [], left: 0 };
	const eventCells = happened.map(
		({ at: when, tone, what, result, by }) =>
			`<tr>${cell(mark(tone))}${cell(when, 'white-space:nowrap')}${[what, result, by].map((text) => cell(escapedHtml(text))).join('')}</tr>`,
	);
	const more = (count: number) => (count > MOST_LINES ? `<p>And ${count - MOST_LINES} more.</p>` : '');
	return [
		'<div style="font-family:Segoe UI,Helvetica,Arial,sans-serif;font-size:14px;line-height:1.45;color:#1c232b">',
		`<h2 style="margin:0 0 4px;color:${COLOR[overview.tone]}">${escapedHtml(overview.headline)}</h2>`,
		`<p style="margin:0 0 20px;color:#5f6b7a">${escapedHtml(storage)}, ${readableMinute(at)}</p>`,
		...(problems.length > 0 ? [table(['', `Problems (${problems.length})`], problemRows), more(problems.length)] : []),
		...(cleared.length > 0 ? [table(['', `Over (${cleared.length})`], over), more(cleared.length)] : []),
		...(overview.rows.length > 0
			? [table(['', 'What', 'Age', 'Size', 'Took', 'Verification'], rows), more(overview.rows.length)]
			: []),
		...(windows.length > 0
			? [
					title3('What point in time can be recovered'),
					table(['', 'Server', 'What', 'End', 'Base backups'], windows),
					more(overview.windows.length),
				]
			: []),
		...(running.length > 0
			? [title3(runsTitle(running)), table(['', 'What', 'Since', 'Moved', 'By'], runs), more(running.length)]
			: []),
		table(['', 'Target', 'Is', 'Wanted'], targets),
		...(events && happened.length > 0
			? [
					title3(`${eventsTitle(events)} (${happened.length + left})`),
					table(['', 'When', 'What', 'Result', 'By'], eventCells),
					more(happened.length + left),
				]
			: []),
		'</div>',
		'',
	].join('\n');
}
