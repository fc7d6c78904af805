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
import { ask, at, contentHash } from '../../services/qdrant-data';

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

/** What a server holds: collections with their content, aliases, and files in its snapshot folder. */
export async function everythingOn(
	server: QdrantServer,
): Promise<{ hashes: Record<string, string>; [rest: string]: unknown }> {
	const { collections } = await ask<{ collections: { name: string }[] }>(server, 'GET', '/collections');
	const hashes: Record<string, string> = {};
	for (const { name } of collections) hashes[name] = await contentHash(server, name);
	const files = filesBelow(join(server.folder, 'snapshots')).filter((file) => !file.endsWith('.checksum'));
	return { hashes, aliases: await aliasesOn(server), files };
}

/** The aliases of a server and the collection that each points at. */
export async function aliasesOn(server: QdrantServer): Promise<Record<string, string>> {
	const { aliases } = await ask<{ aliases: { alias_name: string; collection_name: string }[] }>(
		server,
		'GET',
		'/aliases',
	);
	return Object.fromEntries(aliases.map(({ alias_name: alias, collection_name: collection }) => [alias, collection]));
}

export async function giveAlias(server: QdrantServer, alias: string, collection: string): Promise<void> {
	const actions = [{ create_alias: { alias_name: alias, collection_name: collection } }];
	await ask(server, 'POST', '/collections/aliases', { actions });
}

export async function removeCollections(server: QdrantServer): Promise<void> {
	const { collections } = await ask<{ collections: { name: string }[] }>(server, 'GET', '/collections');
	for (const { name } of collections) await ask(server, 'DELETE', at(name));
}
