import type { RunningRun } from '../../archive';
import { runRow } from '../running';
import { escapedHtml } from '../texts/markup';

const MOST_RUNS = 20;

/** What runs now, and what did not end, as cards of the status page. @param now ISO 8601 */
export function runningCards(runs: readonly RunningRun[], now: string): string {
	if (runs.length === 0) return '<p class="soft">Nothing that takes longer than a few seconds.</p>';
	const cards = runs.slice(0, MOST_RUNS).map((run) => {
		const { title, since, progress, share, by, isDead } = runRow(run, now);
		const badge = isDead ? 'did not end' : 'running';
		return [
			`<article class="card ${isDead ? 'doubtful' : 'good'}"><header><h3>${escapedHtml(title)}</h3><span class="badge">${badge}</span></header>`,
			`<p>${escapedHtml(`${since}: ${progress}`)}</p>`,
			share === undefined || isDead ? '' : bar(share),
			`<p class="soft small">${escapedHtml(by)}</p></article>`,
		].join('');
	});
	const left = runs.length - MOST_RUNS;
	return `<div class="cards">${cards.join('\n')}</div>${left > 0 ? `<p class="soft">And ${left} more.</p>` : ''}`;
}

function bar(share: number): string {
	const percent = Math.min(100, Math.round(share * 100));
	return `<div class="age" role="img" aria-label="About ${percent} % done"><span style="width:${percent}%"></span></div>`;
}
