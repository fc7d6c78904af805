import type { MirrorReport, Tally } from '../../engine';

/** What a mirror did, or would do. */
export interface MirrorRun {
	report: MirrorReport;
	/** Whether what only the target has goes. */
	removes: boolean;
	/** Milliseconds. */
	duration: number;
}

/** What it removed, or would remove. */
export function removedBy({ report, removes }: MirrorRun): Tally {
	return report.dryRun && removes ? report.extra : report.removed;
}
