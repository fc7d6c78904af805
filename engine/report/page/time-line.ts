/** A picture of the moments that can be recovered: bars on a line of time, gaps in red between them, a mark for each base backup. */
import type { LogWindow } from '../../verify';
import { escapedHtml } from '../texts/markup';
import { readableMinute } from '../words';
import { openGaps, type WindowRow } from '../windows';

const WIDTH = 600;
const HEIGHT = 30;
const TOP = 8;
/** What is shorter is still to be seen. */
const LEAST = 2;
const MOST_WINDOWS = 60;

interface Bar {
	from: number;
	to: number;
	kind: 'there' | 'lost' | 'missing' | 'later';
	title: string;
}

/** Empty where nothing can be recovered. @param at ISO 8601: the right end of the line */
export function timeLine(row: WindowRow, at: string): string {
	const { logged, subject } = row;
	const windows = inOrder(logged.windows.slice(-MOST_WINDOWS));
	const [first] = windows;
	if (!first) return '';
	const isOpen = openGaps(logged).length > 0;
	const bars = barsOf(windows, Date.parse(at), isOpen);
	const start = Date.parse(first.from);
	const span = Math.max(1, ...bars.map(({ to }) => to - start));
	const x = (time: number) => ((time - start) / span) * WIDTH;
	const drawn = bars.map(({ from, to, kind, title }) => {
		const width = Math.max(LEAST, x(to) - x(from));
		const left = Math.min(x(from), WIDTH - width);
		return `<rect class="${kind}" x="${short(left)}" y="${TOP}" width="${short(width)}" height="${HEIGHT - TOP}"><title>${escapedHtml(title)}</title></rect>`;
	});
	const marks = windows.flatMap(({ baseTimes }) =>
		baseTimes.map((time) => {
			const left = Math.min(WIDTH - LEAST, Math.max(0, x(Date.parse(time)) - LEAST / 2));
			return `<rect class="mark" x="${short(left)}" y="0" width="${LEAST}" height="${HEIGHT}"><title>Base backup of ${readableMinute(time)}</title></rect>`;
		}),
	);
	const label = `What can be recovered of ${subject}: ${windows.map(spanText).join('; ')}${isOpen ? '; nothing since' : ''}`;
	const keys = keysOf(bars).map(([kind, word]) => `<span><span class="key ${kind}"></span>${word}</span>`);
	return [
		`<figure class="time"><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${escapedHtml(label)}">`,
		...drawn,
		...marks,
		`</svg><figcaption><span>${readableMinute(first.from)}</span><span>${readableMinute(new Date(start + span).toISOString())}</span></figcaption>`,
		`<p class="keys">${keys.join('')}</p></figure>`,
	].join('');
}

/** By time, for windows of several timelines come by their timelines. */
function inOrder(windows: readonly LogWindow[]): LogWindow[] {
	return [...windows].sort((a, b) => Date.parse(a.from) - Date.parse(b.from));
}

function barsOf(windows: readonly LogWindow[], now: number, isOpen: boolean): Bar[] {
	const bars: Bar[] = [];
	let end: number | undefined;
	for (const window of windows) {
		const [from, to] = [Date.parse(window.from), Date.parse(window.to ?? window.from)];
		if (end !== undefined && from > end) bars.push({ from: end, to: from, kind: 'lost', title: 'Cannot be recovered' });
		bars.push({ from, to, kind: 'there', title: spanText(window) });
		end = Math.max(end ?? to, to);
	}
	if (end === undefined || end >= now) return bars;
	const rest: Bar = isOpen
		? { from: end, to: now, kind: 'missing', title: 'Cannot be recovered: make a base backup' }
		: { from: end, to: now, kind: 'later', title: 'Not archived yet' };
	return [...bars, rest];
}

function spanText({ from, to }: LogWindow): string {
	return `from ${readableMinute(from)} to ${readableMinute(to ?? from)}`;
}

function keysOf(bars: readonly Bar[]): [string, string][] {
	const words: [Bar['kind'], string][] = [
		['there', 'can be recovered'],
		['lost', 'is lost, and healed by a base backup'],
		['missing', 'is lost until there is a base backup'],
		['later', 'not archived yet'],
	];
	const used = words.filter(([kind]) => bars.some((bar) => bar.kind === kind));
	return [...used, ['mark', 'a base backup']];
}

function short(value: number): string {
	return String(Math.round(value * 100) / 100);
}
