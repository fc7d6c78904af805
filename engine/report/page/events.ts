import { eventRows, type EventRow } from '../event-rows';
import type { RecentEvents } from '../events';
import { escapedHtml } from '../texts/markup';

const MOST_ROWS = 30;
const WORDS: Record<EventRow['tone'], string> = { good: 'done', doubtful: 'refused', bad: 'failed' };

/** The section of the page with what was done to the backups, and refused. */
export function eventTable(events: RecentEvents): string {
	const { rows, left } = eventRows(events, MOST_ROWS);
	if (rows.length === 0) {
		return '<div class="card"><p class="soft">No restore, prune or failure is in the journal of this storage.</p></div>';
	}
	const lines = rows.map(({ at, tone, what, result, by }) => {
		const badge = `<span class="badge ${tone}">${result.startsWith('cancelled') ? 'cancelled' : WORDS[tone]}</span>`;
		const told = `${escapedHtml(what)}<br><span class="soft">${escapedHtml([result, by].filter((text) => text !== '').join(' · '))}</span>`;
		return `<tr><td>${at}</td><td>${badge}</td><td>${told}</td></tr>`;
	});
	return [
		'<div class="card"><table>',
		'<tr><th>When</th><th>Outcome</th><th>What</th></tr>',
		...lines,
		'</table>',
		left > 0 ? `<p class="soft">And ${left} more.</p>` : '',
		'</div>',
	].join('');
}
