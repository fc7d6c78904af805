import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

import { expect } from 'vitest';

import { type ArchiveReader, type Manifest, openArchive } from '../../../engine/archive';
import { BackupError, type ErrorCode } from '../../../engine/errors';
import {
	archiveSource,
	backUpCollections,
	type BackUpCollectionsOptions,
	type CollectionRestoreReport,
	restoreCollection,
	type QdrantConnection,
	type RestoreCollectionOptions,
} from '../../../engine/qdrant';
import { FolderStorage } from '../../../engine/storage';
import { temporaryFolder } from '../../services/guard';
import type { QdrantServer } from '../../services/qdrant';

export function connectionTo({ url, apiKey }: QdrantServer): QdrantConnection {
	return { url, ...(apiKey !== undefined && { apiKey }) };
}

/** A folder storage that ends with the test file, and a look at all that lies in it. */
export function temporaryStorage(): { root: string; storage: FolderStorage; files: () => string[] } {
	const root = temporaryFolder('backups');
	return { root, storage: new FolderStorage({ root }), files: () => filesBelow(root) };
}

export function filesBelow(root: string): string[] {
	return readdirSync(root, { recursive: true, withFileTypes: true })
		.filter((entry) => !entry.isDirectory())
		.map((entry) => relative(root, join(entry.parentPath, entry.name)))
		.sort();
}

export interface Backup {
	manifest: Manifest;
	storage: FolderStorage;
	root: string;
	open(): Promise<ArchiveReader>;
}

type Choices = Partial<Omit<BackUpCollectionsOptions, 'storage'>>;

/** Backs one collection up into a folder of its own; throws where that fails. */
export async function backUp(server: QdrantServer, collection: string, choices: Choices = {}): Promise<Backup> {
	const { storage, root } = temporaryStorage();
	const { backups, failures } = await backUpCollections({
		connection: connectionTo(server),
		storage,
		codec: { name: 'zstd' },
		selection: { names: [collection] },
		...choices,
	});
	if (failures[0]) throw failures[0].error;
	const [manifest] = backups as [Manifest];
	return { manifest, storage, root, open: () => openArchive(storage, { manifest, folder: 'qdrant' }) };
}

/** Restores a backup into a new collection, unless told otherwise. */
export async function restore(
	server: QdrantServer,
	backup: Backup,
	target: RestoreCollectionOptions['target'],
	choices: Partial<RestoreCollectionOptions> = {},
): Promise<CollectionRestoreReport> {
	const source = archiveSource(await backup.open());
	return await restoreCollection({ connection: connectionTo(server), source, target, ...choices });
}

/** The same archive with a manifest that tells something else of its source. */
export function altered(backup: Backup, source: object): Backup {
	const manifest = { ...backup.manifest, source: { ...backup.manifest.source, ...source } };
	return { ...backup, manifest, open: () => openArchive(backup.storage, { manifest, folder: 'qdrant' }) };
}

/** The BackupError that a promise fails with, whose code must be this. */
export async function failure(promise: Promise<unknown>, code: ErrorCode): Promise<BackupError> {
	const error = await promise.then(
		() => undefined,
		(reason: unknown) => reason,
	);
	expect(error).toBeInstanceOf(BackupError);
	expect(`${(error as BackupError).code}: ${(error as BackupError).message}`).toMatch(new RegExp(`^${code}: `));
	return error as BackupError;
}
