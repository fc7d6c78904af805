import type { IExecuteFunctions } from 'n8n-workflow';

import {
	archiveSource,
	type BackupEntry,
	BackupError,
	checkQdrant,
	type DecryptionKeys,
	foreignSnapshot,
	type Manifest,
	openArchive,
	type QdrantConnection,
	type QdrantRestoreSource,
	remoteSnapshot,
	S3Storage,
	type Storage,
} from '../../engine';
import { type ArchivePlace, chosenBackup, chosenFile, whileRestoring, withIncomingFile } from '../shared/archiveSource';
import { decryptionKeys } from '../shared/encryption';
import { bandwidthIn } from '../shared/bandwidth';
import { collectionOf, textOf } from '../shared/fields';
import { eventOf, withoutLogin } from '../shared/journal';
import { openStorage } from '../shared/storage';

import { wantedCollection } from './backupContent';
import type { RestoreSettings } from './restoreSettings';

/** What to restore, as the engine wants it, and the manifest where it has one. */
export interface OpenSource {
	source: QdrantRestoreSource;
	manifest?: Manifest;
	/** The storage of the Backup Storage credential, where the source lies there. */
	storage?: Storage;
	/** What the user has to know of how the backup was chosen. */
	remark?: string;
}

/** The settings, and the server to restore into. */
type Settings = Omit<RestoreSettings, 'connection'> & { connection: QdrantConnection };

const FETCH_WITHIN_S = 24 * 60 * 60;

/** Runs `use` with what the Source fields name. */
export async function withSource<T>(
	context: IExecuteFunctions,
	item: number,
	settings: Settings,
	use: (open: OpenSource) => Promise<T>,
): Promise<T> {
	const from = context.getNodeParameter('source', item) as 'storage' | 'binaryData' | 'snapshotFile' | 'url';
	if (from === 'url' || (from === 'storage' && settings.serverFetches)) assertUnlimited(context, item);
	switch (from) {
		case 'storage':
			return await withStoredBackup(context, item, settings, use);
		case 'binaryData':
			return await withIncomingFile(context, item, async (place) => {
				return await use(await incoming(context, settings, place));
			});
		case 'snapshotFile': {
			const storage = await openStorage(context, item);
			const key = chosenFile(context, item, 'snapshotFile');
			return await whileRestoring(context, item, storage, { key }, async (visible) => {
				return await use({ source: await bareSnapshot(context, settings, visible, key), storage: visible });
			});
		}
		case 'url':
			return await use({ source: behindUrl(context, item) });
	}
}

/** @throws BackupError INVALID_INPUT: what the server fetches by itself comes as fast as it likes */
function assertUnlimited(context: IExecuteFunctions, item: number): void {
	if (!bandwidthIn(collectionOf(context, 'options', item, 'Options'))) return;
	throw new BackupError(
		'INVALID_INPUT',
		'Bandwidth Limit (MB/s) cannot slow down what the Qdrant server fetches by itself.',
		{
			hint: 'Set it to 0, or let the snapshot go through n8n: Fetch From Bucket off, or another Source than URL.',
		},
	);
}

async function withStoredBackup<T>(
	context: IExecuteFunctions,
	item: number,
	settings: Settings,
	use: (open: OpenSource) => Promise<T>,
): Promise<T> {
	const storage = await openStorage(context, item);
	const keys = await decryptionKeys(context, item);
	const entry = await chosenBackup(context, item, storage, wantedCollection(settings.folder), keys);
	return await whileRestoring(context, item, storage, entry.manifest, async (visible) => {
		return await use(await storedBackup(visible, entry, settings, keys));
	});
}

async function storedBackup(
	storage: Storage,
	{ key, folder, manifest, remark }: BackupEntry,
	settings: Settings,
	keys: DecryptionKeys | undefined,
): Promise<OpenSource> {
	const reader = await openArchive(storage, { manifest, folder }, keys);
	const chosen = { manifest, storage, ...(remark ? { remark } : {}) };
	if (!settings.serverFetches) return { source: archiveSource(reader), ...chosen };
	if (!(storage instanceof S3Storage)) {
		throw new BackupError('INVALID_INPUT', 'A server can fetch a backup from a bucket, not from a folder of n8n.', {
			hint: 'Switch Fetch From Bucket off.',
		});
	}
	return { source: remoteSnapshot(await storage.presignedUrl(key, FETCH_WITHIN_S), reader), ...chosen };
}

async function incoming(
	context: IExecuteFunctions,
	settings: Settings,
	{ storage, key, folder, manifest, keys }: ArchivePlace,
): Promise<OpenSource> {
	if (!manifest && keys?.requireEncryption) {
		throw new BackupError('NOT_AUTHENTIC', `${key} is a bare snapshot, and Require Encryption is on.`, {
			hint: 'Give its manifest in Manifest, or, if it was made without encryption, switch Require Encryption off.',
		});
	}
	if (!manifest) return { source: await bareSnapshot(context, settings, storage, key) };
	const reader = await openArchive(storage, { manifest, folder }, keys);
	return { source: archiveSource(reader), manifest };
}

/** A `.snapshot` file without a manifest. */
async function bareSnapshot(
	context: IExecuteFunctions,
	{ checksum, connection }: Settings,
	storage: Storage,
	key: string,
): Promise<QdrantRestoreSource> {
	const signal = context.getExecutionCancelSignal();
	// The file is read once before it is sent: what is wrong with the server should show first.
	await checkQdrant(connection, signal);
	return await foreignSnapshot({
		description: key,
		open: async () => await storage.read(key, { signal }),
		checksum,
		signal,
	});
}

function behindUrl(context: IExecuteFunctions, item: number): QdrantRestoreSource {
	const url = textOf(context.getNodeParameter('url', item), 'URL').trim();
	eventOf(context, item).tell({ from: withoutLogin(url) });
	const sha256 = textOf(context.getNodeParameter('checksum', item), 'SHA-256').trim().toLowerCase();
	if (/^[0-9a-f]{64}$/.test(sha256)) return remoteSnapshot(url, { sha256 });
	throw new BackupError('INVALID_INPUT', 'The SHA-256 of the snapshot is not 64 hexadecimal digits.', {
		hint: 'Fill in SHA-256: the server that made the snapshot reported it as its checksum.',
	});
}
