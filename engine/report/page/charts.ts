/** Pictures of the page, as SVG with words for those who do not see them. */
import type { Tone } from '../tone';
import { escapedHtml } from '../texts/markup';

const WIDTH = 300;
const HEIGHT = 54;
const LEAST_BAR = 1.5;
/** Below this width bars touch each other. */
const GAP = 1.5;
/** A few backups do not fill the whole width: bars as broad as a card say nothing. */
const FEWEST = 14;

/** One value of a chart. */
export interface Bar {
	value: number;
	/** What a pointer over the bar shows: `2026-01-31 02:00 UTC: 3.4 MB`. */
	title: string;
	/** Whether it stands for something bad. */
	isBad: boolean;
}

/**
 * Bars from the left, the oldest first, from zero to the largest.
 * @param label what the picture says, for who does not see it: `Size of 30 backups, from 3.1 MB to 3.4 MB`
 */
export function barChart(bars: readonly Bar[], label: string): string {
	const largest = Math.max(...bars.map(({ value }) => value), 0);
	const step = WIDTH / Math.max(bars.length, FEWEST);
	const width = Math.max(0.5, step - GAP);
	const offset = WIDTH - step * bars.length;
	const drawn = bars.map(({ value, title, isBad }, index) => {
		const height = largest > 0 ? Math.max(LEAST_BAR, (value / largest) * (HEIGHT - 2)) : LEAST_BAR;
		const x = offset + index * step;
		const fill = isBad ? 'var(--bad)' : 'var(--chart)';
		return `<rect x="${short(x)}" y="${short(HEIGHT - height)}" width="${short(width)}" height="${short(height)}" rx="1" fill="${fill}"><title>${escapedHtml(title)}</title></rect>`;
	});
	return [
		`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${escapedHtml(label)}">`,
		`<line x1="0" y1="${HEIGHT - 0.5}" x2="${WIDTH}" y2="${HEIGHT - 0.5}" stroke="var(--line)"/>`,
		...drawn,
		'</svg>',
	].join('');
}

const SHAPES: Record<Tone, string> = {
	good: '<path d="M15 27l8 8 15-17" fill="none" stroke="var(--tone-ground)" stroke-width="5" stroke-linecap="round" stroke-linejoin="round"/>',
	doubtful:
		'<path d="M26 14v15" stroke="var(--tone-ground)" stroke-width="5" stroke-linecap="round"/><circle cx="26" cy="38" r="3.2" fill="var(--tone-ground)"/>',
	bad: '<path d="M18 18l16 16M34 18L18 34" stroke="var(--tone-ground)" stroke-width="5" stroke-linecap="round"/>',
};

const WORDS: Record<Tone, string> = { good: 'Good', doubtful: 'Needs a look', bad: 'Not safe' };

/** The sign of the verdict. */
export function toneSign(tone: Tone): string {
	return `<svg viewBox="0 0 52 52" role="img" aria-label="${WORDS[tone]}"><circle cx="26" cy="26" r="25" fill="var(--tone)"/>${SHAPES[tone]}</svg>`;
}

function short(value: number): string {
	return String(Math.round(value * 100) / 100);
}
