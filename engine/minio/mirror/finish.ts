/** What a mirror does once everything was compared and copied: what the source has no more goes, and so do broken uploads. */
import { BackupError, messageOf, throwIfCancelled } from '../../errors';
import { STALE_AFTER_MS } from '../unfinished';
import type { NameList } from './nameList';
import { aboveCeiling, purgeTrash, removeExtras, type RemovalChoices } from './removal';
import type { MirrorReport } from './report';
import type { Ends } from './settle';
import type { Held } from './targetLock';

/** A mirror that has copied what was to be copied. */
export interface Done {
	ends: Ends;
	/** Missing in a dry run. */
	held: Held | undefined;
	report: MirrorReport;
	/** What only the target has. */
	extras: NameList;
	/** How many of the chosen objects the target has. */
	targetCount: number;
	/** When the run began. */
	now: Date;
	signal: AbortSignal;
}

/**
 * Removes from the target what only it has, unless something could not be copied, and clears the trash of earlier runs. A dry run
 * only reports.
 * @throws BackupError NOT_CONFIRMED where too much would go, CANCELLED, and what the target throws
 */
export async function removeWhatIsExtra(
	{ ends, held, report, extras, targetCount, now, signal }: Done,
	removal: RemovalChoices,
): Promise<void> {
	const isIncomplete = report.failed.count + report.changing.count > 0;
	if (isIncomplete && extras.count > 0) {
		report.warnings.push('Nothing was removed from the target, because not everything could be copied.');
		return;
	}
	const refusal = aboveCeiling(extras, targetCount, removal, report);
	if (refusal && !report.dryRun) throw refusal;
	report.problem = refusal?.message;
	if (refusal) return;
	await held?.confirm();
	if (!report.dryRun) await removeExtras(extras, ends, report, now, signal);
	await purgeTrash(ends.target, removal, report, { ours: now, places: await held?.writtenAt() }, signal);
}

/**
 * Uploads of a run that was killed take room until somebody gives them up. Others' may be on keys that no mirror writes.
 * @param takes whether a name is among what was chosen
 * @throws BackupError CANCELLED; what else goes wrong is a warning
 */
export async function clearUnfinished(
	{ ends: { source, target }, held, report, signal }: Done,
	takes: (name: string) => boolean,
): Promise<void> {
	if (!held || !target.clearUnfinished) return;
	try {
		const before = new Date((await held.writtenAt()).getTime() - STALE_AFTER_MS);
		const isOurs = async (name: string) => takes(name) && (await source.ask(name, signal)) !== undefined;
		await target.clearUnfinished(isOurs, before, signal);
	} catch (error) {
		throwIfCancelled(signal);
		// All that matters is done. Keys that may not list uploads are common, and a server clears them by itself, or by a rule.
		if (error instanceof BackupError && error.code === 'ACCESS_DENIED') return;
		report.warnings.push(`Unfinished uploads of earlier runs may be left in the target: ${messageOf(error)}`);
	}
}
