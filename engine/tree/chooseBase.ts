/** Which earlier archives a backup goes on from. */
import {
	listManifests,
	neededBy,
	openArchive,
	seriesIn,
	usualFolder,
	type ArchiveReader,
	type BackupKind,
	type DecryptionKeys,
	type ListedBackup,
	type Manifest,
	type ManifestSummary,
} from '../archive';
import type { Storage } from '../storage/storage';

export interface BaseOptions {
	storage: Storage;
	kind: BackupKind;
	name: string;
	/** By default the usual one of the kind. */
	folder?: string | undefined;
	/** As the new backup's manifest will have it: only backups of the same series are gone on from. */
	source: Manifest['source'];
	keys: DecryptionKeys | undefined;
	/** After so many backups that go on from one another, a whole one is made; 0 for never. */
	wholeEvery: number;
	/** A whole one is made, too, when less than this share of the content of the older archives is still in use: 0 to 1. */
	leastUse: number;
	/** Whether a backup can be relied upon, by what is recorded of its verifications. */
	isReliable: (backup: ListedBackup) => Promise<boolean>;
	signal?: AbortSignal | undefined;
}

/** What a new backup goes on from, and where it stands in the row of increments. */
export interface ChosenBase {
	/** The oldest first; empty for a whole backup. */
	archives: readonly ArchiveReader[];
	/** Ids of the only archives whose content may be used; undefined for all. */
	usable?: ReadonlySet<string>;
	/** Where the archives lie whose content may be used, by id. */
	places: ReadonlyMap<string, ArchivePlace>;
	/** 0 for a whole backup. */
	increment: number;
	/** Why the backup is whole or is not, for the log. */
	reason: string;
}

export interface ArchivePlace {
	key: string;
	/** Stored bytes. */
	size: number;
}

/** Goes on from nothing. */
export const NO_BASE: ChosenBase = {
	archives: [],
	places: new Map(),
	increment: 0,
	reason: 'a whole one was asked for',
};

/** Fewer: each needed archive is looked at by every restore. */
const MOST_NEEDS = 1000;

/**
 * The newest backup of the series that can be relied upon, all of whose archives are there, and the checkpoints that were
 * committed after it.
 * @throws BackupError what listing the storage and openArchive throw
 */
export async function chooseBase(options: BaseOptions): Promise<ChosenBase> {
	const { storage, kind, name, keys, signal } = options;
	const { backups: all } = await listManifests(storage, '', { checkpoints: true }, signal, keys);
	const own = seriesMembers(
		options,
		all.filter(({ manifest }) => manifest.kind === kind && manifest.name === name),
	);
	const isThere = (backup: ListedBackup) =>
		mayOpen(backup.manifest, keys) &&
		backup.foundSize === backup.manifest.size.stored &&
		neededBy(backup.manifest, all).every((needed) => needed.isThere);
	const newest = await firstReliable(own, isThere, options);
	const since = newest ? Date.parse(newest.manifest.finishedAt) : -Infinity;
	const checkpoints = own.filter(
		(backup) => backup.manifest.checkpoint && Date.parse(backup.manifest.finishedAt) > since && isThere(backup),
	);
	const resumed = await Promise.all(
		checkpoints.reverse().map(({ manifestKey }) => openArchive(storage, manifestKey, keys)),
	);
	const refusal = newest ? whyWhole(newest.manifest, all, options) : 'there is no earlier one to go on from';
	const goesOn = resumed.length > 0 ? `, with ${resumed.length} checkpoints of a run that did not come to its end` : '';
	if (!newest || refusal !== undefined) {
		// The checkpoints may themselves use what is older.
		const usable = new Set(resumed.map(({ manifest }) => manifest.id));
		return {
			archives: resumed,
			usable,
			places: placesOf(checkpoints, all),
			increment: 0,
			reason: `${refusal}${goesOn}`,
		};
	}
	const base = await openArchive(storage, newest.manifestKey, keys);
	const increment = incrementOf(newest.manifest) + 1;
	const places = placesOf([newest, ...checkpoints], all);
	return { archives: [base, ...resumed], places, increment, reason: `goes on from ${newest.key}${goesOn}` };
}

/** Where some backups lie, and what they need. */
function placesOf(backups: readonly ListedBackup[], all: readonly ListedBackup[]): Map<string, ArchivePlace> {
	const places = new Map<string, ArchivePlace>();
	for (const backup of backups) {
		for (const { entry } of [{ entry: backup }, ...neededBy(backup.manifest, all)]) {
			if (entry) places.set(entry.manifest.id, { key: entry.key, size: entry.manifest.size.stored });
		}
	}
	return places;
}

/** Whether the keys are of the sort that opens it: whose index cannot be read is of no use for the next backup. */
function mayOpen({ encryption }: ManifestSummary, keys: DecryptionKeys | undefined): boolean {
	if (!encryption) return true;
	const { passphrase, privateKeys = [] } = keys ?? {};
	const byPassphrase = encryption.passphrase && passphrase !== undefined;
	return byPassphrase || (encryption.recipients.length > 0 && privateKeys.length > 0);
}

/** Newest first. */
function seriesMembers(
	{ kind, name, folder = usualFolder(kind), source }: BaseOptions,
	backups: ListedBackup[],
): ListedBackup[] {
	const key = folder === '' ? 'new' : `${folder}/new`;
	const manifest = { kind, name, source, id: 'new' } as ManifestSummary;
	const fresh = { manifest, key } as ListedBackup;
	const series = seriesIn([...backups, fresh]);
	return backups.filter((backup) => series.get(backup) === series.get(fresh));
}

async function firstReliable(
	backups: readonly ListedBackup[],
	isThere: (backup: ListedBackup) => boolean,
	{ isReliable }: BaseOptions,
): Promise<ListedBackup | undefined> {
	for (const backup of backups) {
		if (!backup.manifest.checkpoint && isThere(backup) && (await isReliable(backup))) return backup;
	}
	return undefined;
}

/** Why a whole backup is due; undefined where an increment will do. */
function whyWhole(
	{ needs = [], ...manifest }: ManifestSummary,
	all: readonly ListedBackup[],
	{ wholeEvery, leastUse }: BaseOptions,
): string | undefined {
	if (wholeEvery > 0 && incrementOf(manifest) + 1 >= wholeEvery) return `a whole one is due after ${wholeEvery}`;
	if (needs.length + 1 >= MOST_NEEDS) return `the last one needs ${needs.length} archives`;
	const uses = usesOf(manifest);
	let held = 0;
	let used = 0;
	for (const { manifest: other } of new Map(all.map((one) => [one.manifest.id, one])).values()) {
		if (other.id !== manifest.id && !needs.includes(other.id)) continue;
		held += contentOf(other);
		used += uses[other.id] ?? 0;
	}
	const share = held > 0 ? used / held : 1;
	if (share >= leastUse) return undefined;
	return `only ${Math.round(share * 100)} % of the older archives are still in use`;
}

/** Where a backup stands in the row of increments, by its manifest: 0 for a whole one. */
export function incrementOf({ counts }: Pick<Manifest, 'counts'>): number {
	return counts['increment'] ?? 0;
}

/** Bytes of content that an archive was made with: headers and indexes are more than small files are. */
function contentOf(manifest: ManifestSummary): number {
	return 'uses' in manifest.source ? (usesOf(manifest)[manifest.id] ?? 0) : manifest.size.raw;
}

function usesOf({ source }: Pick<Manifest, 'source'>): Record<string, number> {
	const { uses } = source as { uses?: unknown };
	if (typeof uses !== 'object' || uses === null) return {};
	return Object.fromEntries(
		Object.entries(uses).filter((pair): pair is [string, number] => typeof pair[1] === 'number'),
	);
}
