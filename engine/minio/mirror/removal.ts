/** The last part of a mirror: what the source certainly has no more goes from the target, into the trash or into old versions. */
import { randomBytes } from 'node:crypto';

import { BackupError, throwIfCancelled } from '../../errors';
import type { NameList } from './nameList';
import type { Place } from './place';
import { count, some, type MirrorReport } from './report';
import { TRASH_FOLDER } from './reserved';
import type { Ends } from './settle';
import { Slots } from './slots';

export interface RemovalChoices {
	/** Nothing is removed if more of the target's objects would go than so many percent, or all of them. Default 10. */
	ceilingPercent?: number;
	/** How long removed objects are kept in the trash. Default 30; 0 keeps them for ever. */
	keepDays?: number;
}

const REMOVED_AT_ONCE = 16;
const DAY = 24 * 60 * 60 * 1000;

/**
 * @param targetCount how many of the chosen objects the target has
 * @returns why nothing is removed, where too many would go: NOT_CONFIRMED
 */
export function aboveCeiling(
	extras: NameList,
	targetCount: number,
	{ ceilingPercent = 10 }: RemovalChoices,
	report: MirrorReport,
): BackupError | undefined {
	const isAll = extras.count > 0 && extras.count >= targetCount;
	if (!isAll && extras.count * 100 <= targetCount * ceilingPercent) return undefined;
	const done = report.dryRun ? '' : ' Nothing was removed; what is new or changed was copied.';
	return new BackupError(
		'NOT_CONFIRMED',
		`${extras.count} of the ${targetCount} objects in the ${report.target} are not at the source any more and would be removed${isAll ? ': all of them' : `, more than ${ceilingPercent} %`}.${done} The first: ${some(report.extra)}.`,
		{
			hint: isAll
				? 'Check that the source is the right one and holds what it should. To empty a target, delete its objects there.'
				: 'If this is right, raise the ceiling for one run. If not, the source has lost objects: restore them from the target.',
			details: { extra: extras.count, targetCount, ceilingPercent },
		},
	);
}

/** @param now names the folder in the trash */
export async function removeExtras(
	extras: NameList,
	ends: Ends,
	report: MirrorReport,
	now: Date,
	signal: AbortSignal,
): Promise<void> {
	if (extras.count === 0) return;
	// The random part keeps two runs of one second apart.
	const folder = `${trashTime(now)}-${randomBytes(3).toString('hex')}/`;
	const trash = (await ends.target.keepsVersions(signal)) ? undefined : folder;
	report.trash = trash;
	const slots = new Slots(REMOVED_AT_ONCE, Infinity);
	const failures: unknown[] = [];
	const going = new Set<Promise<void>>();
	for (const extra of extras) {
		const slot = await slots.acquire(0);
		if (failures.length > 0) break;
		const action = removeOne(extra, ends, trash, report, signal)
			.catch((error: unknown) => void failures.push(error))
			.finally(() => {
				slot.release();
				going.delete(action);
			});
		going.add(action);
	}
	await Promise.all(going);
	if (failures.length > 0) throw failures[0];
}

async function removeOne(
	extra: { name: string; size: number; writtenVersion: string },
	{ source, target }: Ends,
	trash: string | undefined,
	report: MirrorReport,
	signal: AbortSignal,
): Promise<void> {
	throwIfCancelled(signal);
	const { name } = extra;
	// It was asked for already; since then large objects may have been copied for hours.
	if (await source.ask(name, signal)) return count(report.unlisted, extra);
	const there = await target.ask(name, signal);
	// Somebody has written another one: that is for the next run to judge.
	if (there?.writtenVersion !== extra.writtenVersion) return;
	if (trash === undefined) await target.remove(name, signal);
	else {
		const refused = target.refuses(trash + name);
		if (refused !== undefined) {
			report.warnings.push(`${name} was not removed, for its name in the trash ${refused}.`);
			return;
		}
		await target.move(there, trash + name, signal);
	}
	count(report.removed, extra);
}

function trashTime(now: Date): string {
	return `${TRASH_FOLDER}${now.toISOString().slice(0, 19).replaceAll(':', '-')}Z`;
}

/**
 * Removes what has been in the trash for long enough: by its name, which our clock gave, and by the clock of the place, which says when it
 * came there. Either may be wrong, and anybody may have given a name.
 * @param now by our clock and by that of the place; undefined in a dry run, which has written nothing that tells it
 */
export async function purgeTrash(
	target: Place,
	{ keepDays = 30 }: RemovalChoices,
	report: MirrorReport,
	{ ours, places = ours }: { ours: Date; places: Date | undefined },
	signal: AbortSignal,
): Promise<void> {
	if (keepDays === 0) return;
	const before = trashTime(new Date(ours.getTime() - keepDays * DAY));
	for await (const { name, modifiedAt } of target.own.list(TRASH_FOLDER, signal)) {
		const folder = /^\.stack-backup-trash\/\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ-[0-9a-f]{6}\//.exec(name)?.[0];
		// Whatever else somebody has put there is not the mirror's.
		if (folder === undefined) continue;
		if (folder >= before) return;
		if (modifiedAt.getTime() >= places.getTime() - keepDays * DAY) continue;
		if (!report.dryRun) await target.remove(name, signal);
		count(report.purged, { name, size: 0 });
	}
}
