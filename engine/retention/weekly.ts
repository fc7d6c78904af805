import { createHash } from 'node:crypto';

import { folderOf, keyIn, manifestKeyOf, parseManifest, type BackupKind, type Manifest } from '../archive';
import { manifestBytes, readManifest } from '../archive/manifest/file';
import { isUsualFolder } from '../archive/naming';
import { BackupError, throwIfCancelled } from '../errors';
import type { Storage } from '../storage/storage';
import { isGood, isLogPiece, ownFieldsOf, policySeriesOf, newestFirst, type RetentionEntry } from './entry';
import { weeklyFolder, weekOfKey } from './policy/periods';
import type { Zone } from './policy/zone';

/** Manifests that cannot be read, damaged or of a newer version. */
const UNREADABLE: ReadonlySet<string> = new Set(['MANIFEST_INVALID', 'MANIFEST_NEWER']);

/** A backup that is to be copied into the folder of its week. */
export interface WeeklyCopy {
	entry: RetentionEntry;
	/** `weekly/2020_W53`; `weekly/2020_W53/production/postgres` for what does not lie in its kind's usual folder. */
	folder: string;
}

/**
 * The weekly copies that are still to be made: of every kind and name the newest good backup, where neither the folder of
 * its week nor that of a later week has one of it yet. Backups that need other archives are left out, for they are worth
 * nothing without those; so are pieces of a log, and foreign files.
 * @param asks Whether weekly copies of a backup are wanted
 */
export function dueWeeklyCopies(
	entries: readonly RetentionEntry[],
	zone: Zone,
	asks: (entry: RetentionEntry) => boolean = () => true,
): WeeklyCopy[] {
	if (!entries.some(asks)) return [];
	const latest = new Map<string, string>();
	const taken = new Set(entries.filter(({ complete }) => complete).map(({ key }) => key));
	for (const entry of entries) {
		const week = weekOfKey(entry.key);
		if (week === undefined || !isGood(entry)) continue;
		const series = policySeriesOf(entry);
		if (week > (latest.get(series) ?? '')) latest.set(series, week);
	}
	const seen = new Set<string>();
	const due: WeeklyCopy[] = [];
	for (const entry of newestFirst(entries)) {
		const isOriginal = weekOfKey(entry.key) === undefined && entry.needs.length === 0 && entry.kind !== 'foreign';
		if (!isOriginal || isLogPiece(entry) || !isGood(entry) || !asks(entry)) continue;
		const folder = folderOfCopy(entry, zone);
		const key = keyOfCopy({ entry, folder });
		const { kind, name, origin, system, partial } = entry;
		const series = policySeriesOf({ kind, name, origin, system, partial, key });
		if (seen.has(series)) continue;
		seen.add(series);
		if (weekOfKey(key)! <= (latest.get(series) ?? '') || taken.has(key)) continue;
		taken.add(key);
		due.push({ entry, folder });
	}
	return due;
}

/** Below its week a copy lies where its original does, so that two of one file name do not meet; the usual folder is left out. */
function folderOfCopy({ kind, key, startedAt }: RetentionEntry, zone: Zone): string {
	const folder = folderOf(key);
	const week = weeklyFolder(new Date(startedAt), zone);
	return isUsualFolder(folder, kind as BackupKind) ? week : keyIn(week, folder);
}

/** The copy as a backup, as it will be. */
export function entryOfCopy(copy: WeeklyCopy): RetentionEntry {
	return { ...ownFieldsOf(copy.entry), key: keyOfCopy(copy), lockedUntil: undefined, legalHold: false };
}

function keyOfCopy({ entry, folder }: WeeklyCopy): string {
	return keyIn(folder, entry.key.slice(entry.key.lastIndexOf('/') + 1));
}

/**
 * Copies a backup into another folder of the storage, the manifest last: what breaks off leaves no backup behind. The
 * storage copies by itself where it can (a hard link in a folder, the server in a bucket), which compares sizes only; else
 * the bytes go through this process, and are compared with the manifest on the way. Hold the storage's lock.
 * @returns the key of the copy
 * @throws BackupError STORAGE_EXISTS (there is a whole copy, or something else in its place), ARCHIVE_CORRUPT (the source
 * is damaged; nothing is left), MANIFEST_INVALID, CANCELLED, and what the storage throws
 */
export async function copyBackup(storage: Storage, key: string, folder: string, signal?: AbortSignal): Promise<string> {
	const options = signal ? { signal } : {};
	throwIfCancelled(signal);
	const content = await manifestBytes(storage, manifestKeyOf(key), signal);
	if (!content) throw notAsWritten(key);
	const manifest = parseManifest(content.toString('utf8'), manifestKeyOf(key));
	const copy = keyIn(folder, manifest.file);
	await clearPlace(storage, copy, manifest, signal);
	await copyArchive(storage, key, copy, manifest, signal);
	// To the byte: its proof, and what a later version may have added to it, stay.
	await storage.replace(manifestKeyOf(copy), content, options);
	return copy;
}

/** Makes room for a copy: what a run left that broke off, or a copy that lost its data. Nothing else is ever removed. */
async function clearPlace(
	storage: Storage,
	copy: string,
	{ id, size }: Manifest,
	signal: AbortSignal | undefined,
): Promise<void> {
	const found = await storage.stat(copy);
	if (await storage.stat(manifestKeyOf(copy))) {
		const there = await readManifest(storage, manifestKeyOf(copy), signal).catch((error: unknown) => {
			const isManifest = error instanceof BackupError && UNREADABLE.has(error.code);
			throw isManifest ? taken(copy, error) : error;
		});
		if (there.manifest.id !== id || found?.size === size.stored) throw taken(copy);
	} else if (found && found.size !== size.stored) throw taken(copy);
	await storage.remove(manifestKeyOf(copy));
	await storage.remove(copy);
}

function taken(copy: string, cause?: unknown): BackupError {
	return new BackupError('STORAGE_EXISTS', `There is something named ${copy} already.`, {
		cause,
		hint: 'If it is no copy of this backup, move it elsewhere.',
	});
}

async function copyArchive(
	storage: Storage,
	key: string,
	copy: string,
	{ sha256, size: { stored } }: Manifest,
	signal: AbortSignal | undefined,
): Promise<void> {
	const options = signal ? { signal } : {};
	if ((await storage.stat(key))?.size !== stored) throw notAsWritten(key);
	const made = await storage.copy?.(key, copy, options);
	if (!made) {
		const source = checked(await storage.read(key, options), key, sha256);
		await storage.write(copy, source, { ...options, expectedSize: stored });
	} else if (made.size !== stored) {
		await storage.remove(copy);
		throw notAsWritten(key);
	}
}

async function* checked(source: AsyncIterable<Uint8Array>, key: string, sha256: string): AsyncGenerator<Uint8Array> {
	const hash = createHash('sha256');
	for await (const chunk of source) {
		hash.update(chunk);
		yield chunk;
	}
	if (hash.digest('hex') === sha256) return;
	throw notAsWritten(key);
}

function notAsWritten(key: string): BackupError {
	return new BackupError('ARCHIVE_CORRUPT', `The archive ${key} is not what its manifest says, so it was not copied.`, {
		hint: 'Verify it, and make a new backup.',
	});
}
