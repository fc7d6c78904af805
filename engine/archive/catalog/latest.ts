import { BackupError } from '../../errors';
import type { PartialBackup } from '../manifest/manifest';
import { areOfTwoSources, homeOf, sourceOf } from '../series';
import type { DamagedManifest, KnownBackup } from './entry';

/** By how much the time of an object may lie before the moment when it was stored: S3 tells whole seconds, FAT every other one. */
const COARSEST_TIME_MS = 2000;

/**
 * The latest of all backups of a name: the newest whole one, or the newest of all where none is whole. Its remark says what
 * was passed over. Undefined where there is none.
 * @param endedBy Only of those that had ended by this moment: all that they hold is from before it. What cannot be read and was
 * stored later counts for nothing then.
 * @throws BackupError MANIFEST_INVALID, MANIFEST_NEWER, NOT_AUTHENTIC, KEY_WRONG (a newer one cannot be read, or is not to be believed),
 * INVALID_INPUT (several servers have backups of the name, each in a folder of its own)
 */
export function latestIn<T extends KnownBackup>(
	{ backups: all, damaged }: { backups: readonly T[]; damaged: readonly DamagedManifest[] },
	name: string,
	endedBy?: Date,
): T | undefined {
	const until = endedBy?.getTime() ?? Infinity;
	const backups = all.filter(({ manifest }) => Date.parse(manifest.finishedAt) <= until);
	const [newest] = backups;
	const found = backups.find(({ manifest }) => !manifest.partial) ?? newest;
	const since = found ? Date.parse(found.manifest.finishedAt) - COARSEST_TIME_MS : -Infinity;
	const newer = damaged.find(({ modifiedAt }) => {
		return modifiedAt.getTime() > since && modifiedAt.getTime() <= until + COARSEST_TIME_MS;
	});
	if (newer) {
		const { code } = newer.error;
		const mayBeGood = code === 'NOT_AUTHENTIC' || code === 'KEY_WRONG' || code === 'MANIFEST_NEWER';
		throw new BackupError(
			mayBeGood ? code : 'MANIFEST_INVALID',
			`The newest backup of ${name} cannot be told: ${newer.error.message}`,
			{
				cause: newer.error,
				hint: found
					? `The newest one that can be read is ${found.key} (id ${found.manifest.id}); choose it by its id${mayBeGood ? '' : `, or remove ${newer.manifestKey}`}. ${newer.error.hint ?? ''}`.trim()
					: `No other backup of it was found. ${newer.error.hint ?? ''}`.trim(),
			},
		);
	}
	if (!found || !newest) return undefined;
	const others = backups.filter(({ manifest }) => areOfTwoSources(sourceOf(manifest), sourceOf(found.manifest)));
	const elsewhere = others.find((entry) => placeOf(entry) !== placeOf(found));
	if (elsewhere) throw severalServers(name, found, elsewhere);
	const remarks = [...partialRemark(found, newest), ...sourceRemark(found, others[0])];
	return remarks.length > 0 ? { ...found, remark: remarks.join(' ') } : found;
}

function placeOf({ manifest: { kind }, key }: KnownBackup): string {
	return homeOf({ kind, key });
}

function severalServers(name: string, found: KnownBackup, other: KnownBackup): BackupError {
	const told = (entry: KnownBackup) => `${serverOf(entry)} in ${placeOf(entry) || '/'}`;
	const message = `There are backups of ${name} of several servers: of ${told(found)} and of ${told(other)}.`;
	return new BackupError('INVALID_INPUT', message, {
		hint: 'Set Folder to the one that is meant, or choose the backup from the list, by its id or by its file.',
	});
}

function serverOf({ manifest }: KnownBackup): string {
	const { origin, system } = sourceOf(manifest);
	return origin ?? system ?? 'an unknown server';
}

/** A server that has moved goes on under the same name; so may another one. */
function sourceRemark(found: KnownBackup, other: KnownBackup | undefined): string[] {
	if (!other) return [];
	const { name } = found.manifest;
	return [
		`The latest backup of ${name}, ${found.key}, is of ${serverOf(found)}; there are others of ${serverOf(other)}, such as ${other.key}.`,
	];
}

const CONTENT_WORDS = { all: [], schema: ['schema only'], data: ['data only'] };

/** `schema only, --table=public.users` */
function partialWords({ content, selection }: PartialBackup): string {
	return [...CONTENT_WORDS[content], ...selection].join(', ');
}

function partialRemark(found: KnownBackup, newest: KnownBackup): string[] {
	const { partial, name } = newest.manifest;
	if (!partial) return [];
	const part = `holds only a part (${partialWords(partial)})`;
	return [
		found === newest
			? `No backup of ${name} is whole; the latest, ${newest.key}, ${part}.`
			: `The latest whole backup of ${name} is ${found.key}, begun at ${found.manifest.startedAt}; ${newest.key} is newer, but ${part}.`,
	];
}
