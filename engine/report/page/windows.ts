/** The section of the page with the moments that can be recovered: a card for each server, with a line of time. */
import type { ServerLog } from '../../verify';
import { slotLine } from '../slots';
import { escapedHtml } from '../texts/markup';
import type { GapRow, WindowRow } from '../windows';
import { timeLine } from './time-line';

const MOST_CARDS = 50;
const MOST_SLOTS = 20;

const TONES: Record<GapRow['state'], string> = { open: 'bad', healed: 'unknown', pending: 'doubtful' };

/** @param at ISO 8601 */
export function windowCards(rows: readonly WindowRow[], servers: readonly ServerLog[], at: string): string {
	const left = rows.length - MOST_CARDS;
	const cards = rows.slice(0, MOST_CARDS).map((row) => card(row, slotsOf(row, servers), at));
	// Slots of servers of which nothing is stored.
	const known = new Set(rows.map(({ logged }) => logged.system));
	const others = servers.filter(
		({ system, slots }) => slots.length > 0 && (system === undefined || !known.has(system)),
	);
	return [
		`<div class="cards">${[...cards, ...others.map(otherCard)].join('\n')}</div>`,
		left > 0 ? `<p class="soft">And ${left} more.</p>` : '',
	].join('');
}

function slotsOf({ logged }: WindowRow, servers: readonly ServerLog[]): ServerLog | undefined {
	return servers.find(({ system }) => system === logged.system);
}

function card(row: WindowRow, server: ServerLog | undefined, at: string): string {
	const { subject, tone, from, to, age, bases, pieces, archived, gaps, gapsLeft } = row;
	const badge =
		tone === 'bad'
			? 'not safe'
			: from === ''
				? 'nothing yet'
				: tone === 'good'
					? 'recoverable'
					: 'recoverable, needs a look';
	const facts = [
		['Any moment from', from === '' ? 'none' : from],
		['To', to === '' ? 'none' : `${to}, ${age} ago`],
		['Base backups', bases],
		['Log', pieces],
		['All of it seen stored', archived],
	];
	const gapItems = gaps.map(
		({ state, word, text }) =>
			`<li class="${TONES[state]}"><span class="badge">${word}</span> ${escapedHtml(text)}</li>`,
	);
	return [
		`<article class="card ${tone}"><header><h3>${escapedHtml(subject)}</h3><span class="badge">${badge}</span></header>`,
		timeLine(row, at),
		`<dl class="facts">${facts.map(([name, value]) => `<div><dt>${name}</dt><dd>${escapedHtml(value!)}</dd></div>`).join('')}</dl>`,
		gapItems.length > 0 ? `<ul class="problems gaps">${gapItems.join('')}</ul>` : '',
		gapsLeft > 0 ? `<p class="soft">And ${gapsLeft} more gaps.</p>` : '',
		server ? slotLines(server) : '',
		'</article>',
	].join('');
}

function otherCard(server: ServerLog): string {
	return `<article class="card unknown"><header><h3>${escapedHtml(server.address)}</h3><span class="badge">nothing of it stored</span></header>${slotLines(server)}</article>`;
}

function slotLines({ slots, limitBytes }: ServerLog): string {
	if (slots.length === 0) return '';
	const left = slots.length - MOST_SLOTS;
	const lines = slots
		.slice(0, MOST_SLOTS)
		.map((slot) => `<p class="soft">${escapedHtml(slotLine(slot, limitBytes))}</p>`);
	return `<div class="slots">${lines.join('')}${left > 0 ? `<p class="soft">And ${left} more slots.</p>` : ''}</div>`;
}
