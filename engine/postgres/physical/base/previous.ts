/** Which base backup an incremental one goes on from, and what the server has to know of that. */
import {
	type DecryptionKeys,
	encryptionForm,
	type EncryptionKeys,
	folderOf,
	listManifests,
	type ListedBackup,
	type Manifest,
	neededBy,
	openArchive,
	prepareEncryption,
	type ArchiveReader,
	usualFolder,
} from '../../../archive';
import { BackupError, throwIfCancelled } from '../../../errors';
import type { Storage } from '../../../storage';
import { reliabilityIn } from '../../../verify/history';

const KIND = 'postgres-base';

/** When a full base backup is due among incremental ones. */
export interface IncrementalChoices {
	/** After so many backups that go on from one another, a full one is made; 0 for never. */
	fullEvery: number;
}

export interface PreviousOptions extends IncrementalChoices {
	storage: Storage;
	folder?: string | undefined;
	systemIdentifier: string;
	/** The server's version: no backup of another major version is gone on from. */
	major: number;
	keys: DecryptionKeys | undefined;
	/** What the new backup is encrypted with: one that opens with other keys is not gone on from. */
	encryption: EncryptionKeys | undefined;
	signal?: AbortSignal | undefined;
}

/** What a new backup goes on from. */
export interface PreviousBackup {
	reader: ArchiveReader;
	/** Ids of all archives that the new backup needs: this one, and what it needs. */
	needs: string[];
	/** Place of the new backup among the increments: 1 for the first after a full one. */
	increment: number;
}

/** Either, or why a full backup is due, as the end of a sentence. */
export type PreviousChoice = { previous: PreviousBackup } | { reason: string; warning?: string };

/** A chain of so many is long to restore; a manifest can name more. */
const LONGEST_CHAIN = 1000;

/**
 * The newest base backup of the cluster in the folder that can be relied upon: its archives are there, and no verification has failed.
 * @throws BackupError CANCELLED, and what the storage throws
 */
export async function choosePrevious(options: PreviousOptions): Promise<PreviousChoice> {
	const { storage, folder = usualFolder(KIND), systemIdentifier, major, keys, signal, fullEvery } = options;
	const { backups: all } = await listManifests(storage, '', {}, signal, keys);
	const isReliable = reliabilityIn(storage, signal);
	const form = encryptionForm((await prepareEncryption(options.encryption))?.facts ?? null);
	const isOwn = ({ manifest, key }: ListedBackup) =>
		manifest.kind === KIND && manifest.source['systemIdentifier'] === systemIdentifier && folderOf(key) === folder;
	let lost: string | undefined;
	for (const backup of all.filter(isOwn)) {
		const { manifest, key } = backup;
		if (majorOf(manifest) !== major) return { reason: 'the server was upgraded since the last base backup' };
		const isThere = backup.foundSize === manifest.size.stored && neededBy(manifest, all).every((one) => one.isThere);
		if (!isThere || !(await isReliable(backup))) {
			lost ??= `${key} ${isThere ? 'was found damaged by a verification' : 'or what it needs is missing, or not as it was stored'}`;
			continue;
		}
		const increment = (manifest.counts['increment'] ?? 0) + 1;
		if (fullEvery > 0 && increment >= fullEvery)
			return { reason: `a full one is due after ${fullEvery}`, ...warningOf(lost) };
		const needs = [manifest.id, ...(manifest.needs ?? [])];
		if (needs.length >= LONGEST_CHAIN) return { reason: `the last one needs ${needs.length - 1} others` };
		if (encryptionForm(manifest.encryption) !== form)
			return { reason: `${key} is not encrypted in the same way`, ...warningOf(lost) };
		try {
			const reader = await openArchive(storage, backup.manifestKey, keys);
			await reader.checkKeys(signal);
			return { previous: { reader, needs, increment }, ...warningOf(lost) };
		} catch (error) {
			throwIfCancelled(signal);
			if (!(error instanceof BackupError) || error.code.startsWith('STORAGE_')) throw error;
			return { reason: `${key} cannot be opened: ${error.message}` };
		}
	}
	return { reason: lost ?? 'there is no earlier one to go on from', ...warningOf(lost) };
}

/** PostgreSQL's own manifest of a backup, read from its frames alone. @throws BackupError as ArchiveReader.parts does */
export async function* backupManifestOf(
	reader: ArchiveReader,
	signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
	for await (const { raw } of reader.parts(({ type }) => type === 'backup-manifest', signal)) {
		if (raw instanceof Uint8Array) yield raw;
		else yield* raw as AsyncIterable<Uint8Array>;
	}
}

function majorOf({ source }: Pick<Manifest, 'source'>): number {
	const number = source['versionNumber'];
	return typeof number === 'number' ? Math.floor(number / 10_000) : 0;
}

/** One that was to be gone on from and cannot be: its owner has to know. */
function warningOf(lost: string | undefined): { warning?: string } {
	return lost === undefined ? {} : { warning: `The incremental backup did not go on from the newest one: ${lost}.` };
}
