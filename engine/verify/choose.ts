import {
	type BackupKind,
	type BackupReference,
	findBackup,
	type KnownBackup,
	listManifests,
	mayBeOfKind,
} from '../archive';
import type { DamagedManifest, ListedBackup, ManifestTrust } from '../archive';
import { BackupError, throwIfCancelled } from '../errors';
import { mapInParallel } from '../parallel';
import type { Storage } from '../storage';
import { readVerification } from './history';
import { LEVELS } from './record';
import type { VerificationLevel } from './types';

/** Which backups are to be verified. */
export interface BackupChoice {
	/** A single backup, by its id, by its file, or the latest of a name. Without it, all backups that the other fields leave. */
	reference?: BackupReference;
	/** The beginning of all keys, such as `postgres/`. By default, all backups of the storage. */
	prefix?: string;
	kinds?: readonly BackupKind[];
	/** Names of databases, collections and so on at their source. */
	names?: readonly string[];
	/** Leaves only backups that for so many days no verification of at least this level has come to a verdict on. */
	notVerifiedFor?: { days: number; level: VerificationLevel };
	/** The keys by which manifests are found authentic; others count as damaged. */
	trust?: ManifestTrust;
	/** The time from which days are counted back; by default, now. */
	now?: Date;
	signal?: AbortSignal;
}

export interface ChosenBackups {
	/** Newest first. */
	backups: KnownBackup[];
	/** Manifests that cannot be read: backups to be reported as not passed, whatever they were of. */
	damaged: DamagedManifest[];
}

const DAY_MS = 24 * 60 * 60 * 1000;
const READERS = 8;

/**
 * Finds the backups that are to be verified.
 * @throws BackupError STORAGE_MISSING (no such backup), MANIFEST_INVALID (nobody knows which is the latest), INVALID_INPUT,
 * CANCELLED, and what the storage throws
 */
export async function chooseBackups(storage: Storage, choice: BackupChoice = {}): Promise<ChosenBackups> {
	const { reference, prefix = '', kinds, names, notVerifiedFor, trust, signal } = choice;
	if (notVerifiedFor && !(notVerifiedFor.days >= 0)) {
		throw new BackupError('INVALID_INPUT', 'The number of days without a verification is not a number from 0.');
	}
	if (reference) return { backups: [await findBackup(storage, reference, prefix, signal, trust)], damaged: [] };
	const { backups, damaged } = await listManifests(storage, prefix, {}, signal, trust);
	const chosen = backups.filter(
		({ manifest }) => (!kinds || kinds.includes(manifest.kind)) && (!names || names.includes(manifest.name)),
	);
	return {
		backups: notVerifiedFor ? await due(storage, chosen, notVerifiedFor, choice) : chosen,
		damaged: damaged.filter(({ error }) => mayBeOfKind(error, kinds)),
	};
}

async function due(
	storage: Storage,
	backups: ListedBackup[],
	{ days, level }: { days: number; level: VerificationLevel },
	{ now = new Date(), signal }: BackupChoice,
): Promise<ListedBackup[]> {
	const since = new Date(now.getTime() - days * DAY_MS).toISOString();
	// A later time comes from a clock that was wrong; it would keep the backup from being verified for ever.
	const until = new Date(now.getTime() + DAY_MS).toISOString();
	const isDue = await mapInParallel(backups, READERS, async ({ key, manifest: { id }, hasRecord }) => {
		throwIfCancelled(signal);
		if (!hasRecord) return true;
		const { history } = await readVerification(storage, { key, id }, signal);
		return !history.some(
			({ at, verdict, requested, reached }) =>
				at >= since &&
				at <= until &&
				(verdict === 'failed' ? isAsDeep(requested, level) : reached !== undefined && isAsDeep(reached, level)),
		);
	});
	return backups.filter((_, index) => isDue[index]);
}

function isAsDeep(found: VerificationLevel, wanted: VerificationLevel): boolean {
	return LEVELS.indexOf(found) >= LEVELS.indexOf(wanted);
}
