/** What verifications found of the newest backups of each series, and of the archives that these need. */
import { folderOf, type ArchiveListing } from '../archive';
import { weekOfFolder } from '../archive/naming';
import { throwIfCancelled } from '../errors';
import { inParallel } from '../parallel';
import type { RetentionEntry } from '../retention';
import type { Storage } from '../storage/storage';
import { decidingVerification, readVerification, type VerificationLevel } from '../verify';
import { isReliable, type HeldBackup, type SeriesState, type VerificationFacts } from './held';

/** Backups of a series whose verifications are read. */
const VERIFIED = 30;
const READERS = 16;

/** What stays of every backup: the id, where its archive is whole; more of it for a forecast. */
export type Kept = string | RetentionEntry;

/** An archive that a backup needs. */
export interface NeededArchive {
	key: string;
	hasRecord: boolean;
}

/** Of the archives that the newest backups need, those that are there as their manifests state, by id. */
export function neededIn(listing: ArchiveListing<Kept>, series: readonly SeriesState[]): Map<string, NeededArchive> {
	const found = new Map<string, NeededArchive>();
	const needed = new Set(series.flatMap(({ newest }) => newest.flatMap(({ facts }) => facts.needs ?? [])));
	if (needed.size === 0) return found;
	for (const { key, recordSize, kept } of listing) {
		const id = typeof kept === 'object' ? kept.complete && kept.id : kept;
		if (!id || !needed.has(id)) continue;
		// A weekly copy stands for what is no longer there.
		if (found.has(id) && weekOfFolder(folderOf(key))) continue;
		found.set(id, { key, hasRecord: recordSize !== undefined });
	}
	return found;
}

/** Reads the records of the newest of each series, and of what these need, each once. */
export async function readVerifications(
	storage: Storage,
	series: readonly SeriesState[],
	whole: ReadonlyMap<string, NeededArchive>,
	{ latest, signal }: { latest: number; signal: AbortSignal | undefined },
): Promise<void> {
	const look = { latest, signal };
	const known = new Set<HeldBackup>();
	const read = async (backups: readonly HeldBackup[]) => {
		await inParallel(backups, READERS, async (backup) => {
			if (known.has(backup)) return;
			known.add(backup);
			throwIfCancelled(signal);
			if (backup.hasRecord) Object.assign(backup, await verificationsOf(storage, backup.key, backup.facts.id, look));
		});
	};
	const looked = series.flatMap(({ newest }) => newest);
	const needed = new Set(looked.flatMap(({ facts }) => facts.needs ?? []));
	await read(series.flatMap(({ newest, recorded = [] }) => [...newest.slice(0, VERIFIED), ...recorded]));
	await read(looked.filter(({ facts }) => needed.has(facts.id)));
	const failed = new Set(
		looked.flatMap(({ facts, verification }) => (verification?.verdict === 'failed' ? facts.id : [])),
	);
	const held = new Set(looked.map(({ facts }) => facts.id));
	await inParallel(needed, READERS, async (id) => {
		throwIfCancelled(signal);
		const archive = whole.get(id);
		if (!archive?.hasRecord || held.has(id)) return;
		const { verification } = await verificationsOf(storage, archive.key, id, look);
		if (verification?.verdict === 'failed') failed.add(id);
	});
	for (const backup of looked) {
		backup.lacksNeeded = backup.facts.needs?.some((id) => !whole.has(id) || failed.has(id)) ?? false;
	}
	// Where none of these is good, the last good one is older.
	const isInDoubt = ({ newest }: SeriesState) => !newest.slice(0, VERIFIED).some(isReliable);
	await read(series.filter(isInDoubt).flatMap(({ newest }) => newest.slice(VERIFIED)));
}

async function verificationsOf(
	storage: Storage,
	key: string,
	id: string,
	{ latest, signal }: { latest: number; signal: AbortSignal | undefined },
): Promise<Pick<HeldBackup, 'verification' | 'restored'>> {
	const found = await readVerification(storage, { key, id }, signal);
	// One of a clock that is ahead would count for ever; that it failed counts in any case.
	const history = found.history.filter(({ verdict, at }) => verdict === 'failed' || Date.parse(at) <= latest);
	const deciding = decidingVerification(history);
	const restored = history.find(({ verdict, reached }) => verdict === 'passed' && reached === 'restore');
	return {
		verification: deciding && deciding.verdict !== 'incomplete' ? verificationFacts(deciding) : undefined,
		restored: restored && verificationFacts(restored),
	};
}

function verificationFacts({
	verdict,
	reached,
	at,
	duration,
}: {
	verdict: 'passed' | 'failed' | 'incomplete';
	reached?: VerificationLevel | undefined;
	at: string;
	duration: number;
}): VerificationFacts {
	return { verdict: verdict === 'failed' ? 'failed' : 'passed', reached, at, duration };
}
