import { escapedHtml, oneLine, type PruneReport } from '../../engine';
import { readableSize, readableTime } from '../shared/listSearch/size';

/** A mail is to be read: of more lines than these the rest is counted. */
const MAX_LINES = 100;

/** A run of retention as people read it. */
export interface Summary {
	/** One line. */
	subject: string;
	text: string;
	/** A fragment without scripts, styles or links; what is in it is escaped. */
	html: string;
}

interface Section {
	title: string;
	/** Names of columns; none where the lines speak for themselves. */
	head: string[];
	lines: string[][];
}

/** @param now When the run began */
export function summaryOf(report: PruneReport, storage: string, now: Date): Summary {
	const subject = subjectOf(report, storage);
	const intro = [introOf(report, storage, now), ...refusalOf(report), ...report.notes];
	const sections = sectionsOf(report).filter(({ lines }) => lines.length > 0);
	return { subject, text: textOf(intro, sections), html: htmlOf(intro, sections) };
}

/** `Retention: 5 deleted, 12 kept (folder backups)` */
function subjectOf({ dryRun, refusal, totals, failed }: PruneReport, storage: string): string {
	const { deleted, kept } = totals;
	const what = refusal
		? `refused${dryRun ? ' (dry run)' : ''}, nothing ${dryRun ? 'would be' : 'was'} deleted`
		: `${deleted} ${dryRun ? 'would be deleted' : 'deleted'}, ${kept} ${dryRun ? 'would stay' : 'kept'}`;
	const failures = failed.length > 0 ? `, ${failed.length} could not be deleted` : '';
	return `Retention: ${what}${failures} (${storage})`;
}

function introOf({ dryRun, totals }: PruneReport, storage: string, now: Date): string {
	const { kept, deleted, keptBytes, walDeleted } = totals;
	const wal = walDeleted > 0 ? `, and ${walDeleted} WAL segments` : '';
	const did = dryRun ? 'A dry run: nothing was changed. A prune would delete' : 'Deleted';
	const rest = dryRun ? 'would stay' : 'stay';
	return [
		`Retention of ${storage}, ${readableTime(now)}.`,
		`${did} ${counted(deleted, 'backup')}${wal}${freedOf(totals)};`,
		`${kept} ${rest}, ${readableSize(keptBytes)}.`,
	].join(' ');
}

/** What becomes free; and where that is less than people expect, why. */
function freedOf({ deleted, walDeleted, freedBytes, sharedBytes, incomplete }: PruneReport['totals']): string {
	if (deleted + walDeleted + freedBytes === 0) return '';
	const are = incomplete === 1 ? 'archive is' : 'archives are';
	const why = [
		...(sharedBytes > 0
			? [`${readableSize(sharedBytes)} stay in use: what is kept, such as a weekly copy, shares them by a hard link`]
			: []),
		...(incomplete > 0 ? [`${incomplete} ${are} missing or of another size than stated, and not counted`] : []),
	];
	return `, which frees ${readableSize(freedBytes)}${why.length > 0 ? ` (${why.join('; ')})` : ''}`;
}

function refusalOf({ refusal, dryRun }: PruneReport): string[] {
	if (!refusal) return [];
	return [`REFUSED, nothing ${dryRun ? 'would be' : 'was'} deleted: ${refusal.message} ${refusal.hint}`];
}

function sectionsOf(report: PruneReport): Section[] {
	const { dryRun, refusal, failed } = report;
	// Of WAL there are thousands of archives, which stay for one reason: it has a line for each cluster.
	const rows = report.rows.filter(({ kind }) => kind !== 'postgres-wal');
	const kept = new Set(failed.map(({ entry }) => entry.key));
	const going = rows.filter(({ verdict, key }) => verdict === 'delete' && !kept.has(key));
	const staying = rows.filter(({ verdict }) => verdict === 'keep');
	const goingTitle = refusal ? 'What the policy would delete' : dryRun ? 'Would be deleted' : 'Deleted';
	return [
		{ title: 'Could not be deleted', head: [], lines: failed.map(({ entry, error }) => [entry.key, error.message]) },
		backupsSection(goingTitle, going),
		backupsSection(dryRun ? 'Would stay' : 'Kept', staying),
		...furtherSections(report),
	];
}

function backupsSection(title: string, rows: PruneReport['rows']): Section {
	const lines = rows.map(({ date, kind, name, partial, size, key, reasons, verified, complete }) => {
		const remarks = [
			...(partial === null ? [] : [`partial: ${partial}`]),
			...(verified ? [`verification ${verified}`] : []),
			...(complete ? [] : ['archive damaged']),
		];
		return [readableTime(new Date(date)), kind, name, readableSize(size), key, [...reasons, ...remarks].join('; ')];
	});
	return { title, head: ['Begun', 'Kind', 'Name', 'Size', 'File', 'Why'], lines };
}

function furtherSections(report: PruneReport): Section[] {
	const { dryRun, weeklyCopies, logs, wal, removedOrphans, orphans, unproven, swept, stuck, damaged, newer } = report;
	const left = [...orphans, ...unproven].filter((key) => !removedOrphans.includes(key));
	const copied = dryRun ? 'Weekly copies that would be made' : 'Weekly copies';
	return [
		{
			title: copied,
			head: [],
			lines: weeklyCopies.map(({ to, size, error }) => [to, error ? `failed: ${error.message}` : readableSize(size)]),
		},
		{
			title: 'WAL',
			head: [],
			lines: [...logs.map((one) => logLine(one, dryRun)), ...wal.map((one) => walLine(one, dryRun))],
		},
		{ title: 'Stale artifacts that were removed', head: [], lines: [...swept, ...removedOrphans].map((key) => [key]) },
		{ title: dryRun ? 'Stale artifacts' : 'Stale artifacts that stay', head: [], lines: left.map((key) => [key]) },
		{ title: 'Could not be tidied up', head: [], lines: stuck.map(({ what, error }) => [what, error.message]) },
		{
			title: 'Manifests that cannot be read (left alone)',
			head: [],
			lines: damaged.map(({ manifestKey, message }) => [manifestKey, message]),
		},
		{
			title: 'Made by a newer version (left alone)',
			head: [],
			lines: newer.map(({ manifestKey, message }) => [manifestKey, message]),
		},
	];
}

function logLine(
	{ name, kept, keptBytes, deleted, freedBytes, reasons }: PruneReport['logs'][number],
	dryRun: boolean,
) {
	const did = `${deleted} archives ${dryRun ? 'would be deleted' : 'deleted'} (${readableSize(freedBytes)})`;
	return [name, `${did}, ${kept} kept (${readableSize(keptBytes)})`, reasons.join('; ')];
}

function walLine(
	{ folder, kept, deleted, freedBytes, reason, refusal, error }: PruneReport['wal'][number],
	dryRun: boolean,
) {
	const did = `${deleted} segments ${dryRun ? 'would be deleted' : 'deleted'} (${readableSize(freedBytes)}), ${kept} kept`;
	const problems = [...(refusal ? [refusal] : []), ...(error ? [error.message] : [])];
	return [folder, did, [reason, ...problems].join('; ')];
}

function counted(count: number, noun: string): string {
	return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function shortened(lines: string[][]): { shown: string[][]; more: string | undefined } {
	const rest = lines.length - MAX_LINES;
	return { shown: lines.slice(0, MAX_LINES), more: rest > 0 ? `... and ${rest} more` : undefined };
}

function textOf(intro: string[], sections: Section[]): string {
	const parts = sections.map(({ title, lines }) => {
		const { shown, more } = shortened(lines);
		const rows = shown.map((cells) => `  ${cells.map(oneLine).join('  ')}`);
		return [`${title} (${lines.length})`, ...rows, ...(more ? [`  ${more}`] : [])].join('\n');
	});
	return `${[...intro.map(oneLine), ...parts].join('\n\n')}\n`;
}

function htmlOf(intro: string[], sections: Section[]): string {
	const parts = sections.map(({ title, head, lines }) => {
		const { shown, more } = shortened(lines);
		const columns =
			head.length > 0 ? `<tr>${head.map((cell) => `<th align="left">${escapedHtml(cell)}</th>`).join('')}</tr>` : '';
		const rows = shown.map((cells) => `<tr>${cells.map((cell) => `<td>${escapedHtml(cell)}</td>`).join('')}</tr>`);
		const table = `<table cellpadding="4">\n${[...(columns ? [columns] : []), ...rows].join('\n')}\n</table>`;
		return [`<h3>${escapedHtml(title)} (${lines.length})</h3>`, table, ...(more ? [`<p>${more}</p>`] : [])].join('\n');
	});
	return `${[...intro.map((line) => `<p>${escapedHtml(line)}</p>`), ...parts].join('\n')}\n`;
}
