import { BackupError } from '../../errors';
import { inParallel } from '../../parallel';
import type { Storage } from '../../storage/storage';
import type { ManifestTrust } from '../manifest/authenticity';
import { MANIFEST_SUFFIX, type BackupKind, type Manifest } from '../manifest/manifest';
import { manifestReader, readManifest } from '../manifest/file';
import { folderOf, isFileOf, manifestKeyOf, timestamp } from '../naming';
import { assertNeededThere } from '../manifest/needs';
import { NewerManifest } from '../manifest/newer';
import type { BackupEntry, DamagedManifest, KnownBackup, ListedBackup, ManifestSummary } from './entry';
import { latestIn } from './latest';
import { listWith, newestFirst, type ManifestList } from './list';
import type { ArchiveListing } from './listing';
import { scanBackups } from './scan';

const READERS = 16;
/** No clock of a time zone is further behind UTC. */
const FURTHEST_BEHIND_MS = 12 * 60 * 60 * 1000;
/** Nor further ahead of it. */
const FURTHEST_AHEAD_MS = 14 * 60 * 60 * 1000;
/** Codes of errors that a forged line of the stored catalogue can bring about. */
const MAYBE_FORGED = [
	'MANIFEST_INVALID',
	'MANIFEST_NEWER',
	'NOT_AUTHENTIC',
	'KEY_WRONG',
	'INVALID_INPUT',
	'ARCHIVE_INCOMPLETE',
];

/**
 * `file` is the key of an archive or of its manifest; `latest` and `name` are what was backed up, as it is called there.
 * `endedBy` makes the latest that of an earlier moment; a backup of another name is as good as none where `name` is given.
 */
export type BackupReference =
	{ id: string; name?: string } | { file: string } | { latest: string; kind?: BackupKind; endedBy?: Date };

interface Where {
	prefix: string;
	signal: AbortSignal | undefined;
	trust: ManifestTrust;
}

/** One of the two times that somebody looks: the second time, nothing that is stored is believed. */
interface Look extends Where {
	isAnew: boolean;
}

/**
 * Finds one backup. `latest` goes by the manifests, not by the pointer, which may be stale: the newest whole backup, or
 * the newest of all where none is whole; the entry's `remark` says so. It refuses to fall back to an older backup behind
 * a damaged manifest of a newer one. The catalogue only says where to look: the manifest itself is read, and where it is
 * not what the catalogue said, or the catalogue knows of none, all manifests are.
 * @param prefix Where to look for an id or the latest: `postgres/`.
 * @throws BackupError STORAGE_MISSING (no such backup), MANIFEST_INVALID, what latestIn and assertAuthentic throw,
 * ARCHIVE_INCOMPLETE (an archive that the latest needs is missing), INVALID_INPUT (it is a checkpoint), and what the storage throws.
 */
export async function findBackup(
	storage: Storage,
	reference: BackupReference,
	prefix = '',
	signal?: AbortSignal,
	trust: ManifestTrust = {},
): Promise<BackupEntry> {
	const where = { prefix, signal, trust };
	if ('file' in reference) return await findByFile(storage, reference.file, where);
	for (const isAnew of [false, true]) {
		const look = { ...where, isAnew };
		try {
			const chosen =
				'latest' in reference ? await latestOf(storage, reference, look) : await withId(storage, reference, look);
			const found = chosen && (await opened(storage, chosen, where));
			if (found) return found;
		} catch (error) {
			if (isAnew || !(error instanceof BackupError) || !MAYBE_FORGED.includes(error.code)) throw error;
		}
	}
	return missing(storage, 'that stays as it was read: others are changing it');
}

async function latestOf(
	storage: Storage,
	{ latest: name, kind, endedBy }: Extract<BackupReference, { latest: string }>,
	look: Look,
): Promise<ListedBackup | undefined> {
	const { listing, ...list } = await listWith(storage, { name, ...(kind ? { kind } : {}) }, look);
	const latest = latestIn(list, name, endedBy);
	if (!latest) return look.isAnew ? noneOf(storage, name, list.backups, endedBy) : undefined;
	// With a passphrase, lines count by their seals.
	if (!look.isAnew && !look.trust.passphrase) {
		const written = writtenSince(latest, name, listing, endedBy);
		if (!(await areAsListed(storage, written, list, kind, look))) return undefined;
	}
	await assertRestorable(storage, latest, look);
	return latest;
}

/** @throws BackupError STORAGE_MISSING */
function noneOf(storage: Storage, name: string, backups: readonly KnownBackup[], endedBy: Date | undefined): never {
	const ends = backups.map(({ manifest }) => manifest.finishedAt).sort();
	if (!endedBy || ends.length === 0) return missing(storage, `of ${name}`);
	return missing(
		storage,
		`of ${name} that had ended by ${endedBy.toISOString()}`,
		`The oldest one of it ended at ${ends[0]}.`,
	);
}

/**
 * Keys of the manifests of a name that were written after its latest backup, and of which the file names leave it possible
 * that they are of newer ones. There are few as a rule: pinned ones, and copies; of an earlier moment, those that were made
 * within a day of it as well.
 */
function writtenSince(
	{ key: latestKey, manifest }: ListedBackup,
	name: string,
	listing: ArchiveListing<never>,
	endedBy: Date | undefined,
): string[] {
	const finished = Date.parse(manifest.finishedAt);
	const from = timestamp(new Date(Date.parse(manifest.startedAt) - FURTHEST_BEHIND_MS));
	const until = endedBy ? timestamp(new Date(endedBy.getTime() + FURTHEST_AHEAD_MS)) : '~';
	const keys: string[] = [];
	for (const { key, manifestSize, manifestModifiedAt } of listing) {
		const file = key.slice(key.lastIndexOf('/') + 1);
		if (manifestSize === undefined || manifestModifiedAt <= finished || key === latestKey) continue;
		const named = /.*_(\d{8}_\d{6})/.exec(file)?.[1] ?? from;
		if (isFileOf(name, file) && named >= from && named <= until) keys.push(key);
	}
	return keys;
}

/** Whether a list has some backups just as their manifests say: a forged line could hide that one of them is the latest. */
async function areAsListed(
	storage: Storage,
	keys: readonly string[],
	{ backups }: ManifestList,
	kind: BackupKind | undefined,
	{ signal, trust }: Where,
): Promise<boolean> {
	const known = new Map(backups.map((backup) => [backup.key, backup.manifest]));
	const read = manifestReader(storage, trust);
	let areSame = true;
	await inParallel(keys, READERS, async (key) => {
		try {
			const { manifest } = await read(manifestKeyOf(key), 0, signal);
			const told = known.get(key);
			if (manifest.checkpoint && !told) return;
			if (told ? !isSame(manifest, told) : !kind || manifest.kind === kind) areSame = false;
		} catch (error) {
			if (error instanceof BackupError && error.code === 'STORAGE_MISSING') return;
			if (!(error instanceof BackupError) || !MAYBE_FORGED.includes(error.code)) throw error;
			areSame = false;
		}
	});
	return areSame;
}

/** What a backup needs may lie in any folder and be of any name. @throws BackupError ARCHIVE_INCOMPLETE */
async function assertRestorable(
	storage: Storage,
	backup: ListedBackup,
	{ isAnew, signal, trust }: Look,
): Promise<void> {
	const needs = new Set(backup.manifest.needs);
	if (needs.size === 0) return;
	const needed: ListedBackup[] = [];
	await scanBackups<never>(storage, {
		isAnew,
		signal,
		trust,
		keep: (other) => {
			if (needs.has(other.manifest.id)) needed.push(other);
			return undefined;
		},
	});
	assertNeededThere(backup, needed);
}

/** One that is not to be believed is found where no other has the id, to be refused for what it is. */
async function withId(
	storage: Storage,
	{ id, name }: Extract<BackupReference, { id: string }>,
	{ prefix, signal, trust, isAnew }: Look,
): Promise<KnownBackup | undefined> {
	const found: ListedBackup[] = [];
	const { damaged, listing } = await scanBackups<never>(storage, {
		prefix,
		signal,
		trust,
		isAnew,
		keep: (backup) => {
			if (backup.manifest.id === id && (name === undefined || backup.manifest.name === name)) found.push(backup);
			return undefined;
		},
	});
	const chosen =
		found.sort(newestFirst)[0] ?? (await unbelievedWithId(storage, { id, name }, damaged, listing, signal));
	if (chosen || !isAnew) return chosen;
	const newer = damaged.find(({ error }) => error instanceof NewerManifest && error.id === id);
	if (newer) throw newer.error;
	return missing(storage, `${name === undefined ? '' : `of ${name} `}with the id ${id}`);
}

async function unbelievedWithId(
	storage: Storage,
	{ id, name }: { id: string; name: string | undefined },
	damaged: readonly DamagedManifest[],
	listing: ArchiveListing<never>,
	signal: AbortSignal | undefined,
): Promise<KnownBackup | undefined> {
	const read = manifestReader(storage);
	let found: KnownBackup | undefined;
	await inParallel(damaged, READERS, async ({ manifestKey }) => {
		try {
			const key = manifestKey.slice(0, -MANIFEST_SUFFIX.length);
			const { manifest } = await read(manifestKey, 0, signal);
			const foundSize = listing.get(key)?.size;
			if (manifest.id === id && (name === undefined || manifest.name === name))
				found = { manifest, manifestKey, folder: folderOf(key), key, foundSize };
		} catch (error) {
			if (!(error instanceof BackupError) || !['STORAGE_MISSING', ...MAYBE_FORGED].includes(error.code)) throw error;
		}
	});
	return found;
}

/** The backup with its manifest, read now; undefined where that is gone, or is not the one that was listed. */
async function opened(
	storage: Storage,
	{ hasRecord: _hasRecord, ...listed }: KnownBackup & Partial<ListedBackup>,
	{ signal, trust }: Where,
): Promise<BackupEntry | undefined> {
	try {
		const { manifest } = await readManifest(storage, listed.manifestKey, signal, trust);
		assertBackup(manifest);
		return isSame(manifest, listed.manifest) ? { ...listed, manifest } : undefined;
	} catch (error) {
		if (error instanceof BackupError && error.code === 'STORAGE_MISSING') return undefined;
		throw error;
	}
}

/** Whether two manifests are the same to whoever chooses a backup. */
function isSame(a: ManifestSummary, b: ManifestSummary): boolean {
	const facts = ({ id, kind, name, startedAt, finishedAt, partial }: ManifestSummary) =>
		JSON.stringify([id, kind, name, startedAt, finishedAt, !partial]);
	return facts(a) === facts(b);
}

async function findByFile(storage: Storage, file: string, { signal, trust }: Where): Promise<BackupEntry> {
	const manifestKey = file.endsWith(MANIFEST_SUFFIX) ? file : manifestKeyOf(file);
	const key = manifestKey.slice(0, -MANIFEST_SUFFIX.length);
	if (!(await storage.stat(manifestKey))) missing(storage, `named ${key}`);
	const { manifest, folder } = await readManifest(storage, manifestKey, signal, trust);
	assertBackup(manifest);
	return { manifest, manifestKey, folder, key, foundSize: (await storage.stat(key))?.size };
}

/** @throws BackupError INVALID_INPUT for a checkpoint, which is no backup */
function assertBackup({ file, checkpoint }: Manifest): void {
	if (!checkpoint) return;
	throw new BackupError(
		'INVALID_INPUT',
		`${file} is a checkpoint: it holds a part of a backup, and is none by itself.`,
		{
			hint: 'Choose one of the backups that are listed. Whatever they need of it is read with them.',
		},
	);
}

/** @throws BackupError STORAGE_MISSING */
function missing(storage: Storage, which: string, hint = ''): never {
	throw new BackupError('STORAGE_MISSING', `There is no backup ${which} in ${storage.description}.`, {
		hint: `${hint} List the backups to see what the storage holds. An archive whose manifest is missing is not a backup.`.trim(),
	});
}
