import { isLogPiece, type RetentionEntry } from './entry';
import type { Decision, Decisions } from './policy/decisions';

/** What becomes of the log of one cluster: of the thousands of its pieces most stay for the same reason. */
export interface LogReport {
	/** As its newest piece is called. */
	name: string;
	kept: number;
	keptBytes: number;
	/** In a dry run and in a forecast, what would be. */
	deleted: number;
	freedBytes: number;
	/** Why those stay that do, each once, what most of them stay for first. */
	reasons: string[];
}

/** More than these reasons are not told: pins and locks may differ from piece to piece. */
const MOST_REASONS = 4;

/** The pieces of logs among what a plan has decided on, one report for each cluster. @param isGone of those that the plan lets go */
export function logReportsOf(
	decisions: Iterable<Decision>,
	isGone: (entry: RetentionEntry) => boolean = () => true,
): LogReport[] {
	const reports = new Map<string, LogReport & { counts: Map<string, number> }>();
	for (const { entry, action, reasons } of decisions) {
		if (!isLogPiece(entry)) continue;
		const { name, system, kind, size } = entry;
		const cluster = JSON.stringify([kind, system ?? name]);
		const known = reports.get(cluster);
		const empty = {
			name,
			kept: 0,
			keptBytes: 0,
			deleted: 0,
			freedBytes: 0,
			reasons: [],
			counts: new Map<string, number>(),
		};
		const report = known ?? empty;
		reports.set(cluster, report);
		if (action === 'delete' && isGone(entry)) {
			report.deleted++;
			report.freedBytes += size;
			continue;
		}
		report.kept++;
		report.keptBytes += size;
		if (action === 'delete') continue;
		for (const { text } of reasons) report.counts.set(text, (report.counts.get(text) ?? 0) + 1);
	}
	return Array.from(reports.values(), ({ counts, ...report }) => {
		const texts = [...counts].sort(([, a], [, b]) => b - a).map(([text]) => text);
		return { ...report, reasons: texts.slice(0, MOST_REASONS) };
	});
}

/** The decisions on pieces of logs, without an object for each of the others. */
export function* logDecisionsIn(decisions: Decisions): Generator<Decision> {
	for (const [place, entry] of decisions.entries.entries()) if (isLogPiece(entry)) yield decisions.at(place);
}
