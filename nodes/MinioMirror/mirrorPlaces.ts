import type { IExecuteFunctions } from 'n8n-workflow';

import { BucketPlace, FolderPlace, type Place, S3Client, targetBucket } from '../../engine';
import { forbiddenByN8n, guardedByN8n } from '../shared/fileAccess';
import { s3Connection } from '../shared/s3Connection';
import { storageServer } from '../shared/storage';

import type { BucketEnd, FolderEnd, MirrorSettings } from './mirrorSettings';

type Role = 'source' | 'target';

export interface MirrorPlaces {
	source: Place;
	target: Place;
}

/**
 * Opens both ends of a mirror, gives them to an action, and closes them.
 * @throws BackupError INVALID_INPUT, STORAGE_DENIED (a folder that n8n's settings forbid), and what the servers answer
 */
export async function withPlaces<T>(
	context: IExecuteFunctions,
	item: number,
	settings: MirrorSettings,
	signal: AbortSignal,
	action: (places: MirrorPlaces) => Promise<T>,
): Promise<T> {
	const { from, to, createBucket: create, dryRun, options } = settings;
	const opened: { close(): void }[] = [];
	const connect = async ({ server }: BucketEnd, role: Role) => {
		const connection =
			server === 's3' ? await s3Connection(context, item, options) : (await storageServer(context, item)).connection;
		const client = new S3Client({ ...connection, runSignal: signal }, role);
		opened.push(client);
		return client;
	};
	const open = async (end: FolderEnd, role: Role) => {
		const place = await folderPlace(context, end, role);
		opened.push(place);
		return place;
	};
	try {
		const source: Place =
			from.type === 'folder'
				? await open(from, 'source')
				: new BucketPlace({ ...from, client: await connect(from, 'source') });
		const target: Place =
			to.type === 'folder'
				? await open(to, 'target')
				: await targetBucket({ ...to, client: await connect(to, 'target'), source, create, dryRun, signal });
		return await action({ source, target });
	} finally {
		for (const one of opened) one.close();
	}
}

async function folderPlace({ helpers }: IExecuteFunctions, { path }: FolderEnd, role: Role): Promise<Place> {
	const root = await guardedByN8n(helpers).allowedFolder(path);
	return new FolderPlace({ root, role, forbidden: forbiddenByN8n(helpers) });
}
