import type { IExecuteFunctions } from 'n8n-workflow';

import { type AliasChoice, BackupError, type RestoreCollectionTarget } from '../../engine';
import { folderOf } from '../shared/folder';
import type { QdrantConnectionFields } from '../shared/qdrantConnection';

import { OWN_FOLDER } from './backupContent';

/** The fields of descriptions/target.ts as the engine wants them. */
export function restoreTarget(context: IExecuteFunctions, item: number): RestoreCollectionTarget {
	const type = context.getNodeParameter('target', item) as RestoreCollectionTarget['type'];
	const collection = context.getNodeParameter('targetCollection', item) as string;
	if (!collection) {
		throw new BackupError('INVALID_INPUT', 'No collection to restore into is named.', {
			hint: 'Fill in the name of the collection.',
		});
	}
	if (type === 'newCollection') return { type, collection };
	return { type, collection, confirmation: context.getNodeParameter('confirmation', item, '') as string };
}

/** Seconds, and names. */
interface OptionFields extends QdrantConnectionFields {
	serverFetches?: boolean;
	folder?: string;
	sampleSearch?: boolean;
	snapshotChecksum?: string;
	snapshotVersion?: string;
	timeZone?: string;
	waitForIndexes?: number;
}

/** The Options collection of a restore, and what to do with aliases. */
export function restoreSettings(context: IExecuteFunctions, item: number) {
	const fields = context.getNodeParameter('options', item, {}) as OptionFields;
	return {
		aliases: context.getNodeParameter('aliases', item, 'free') as AliasChoice,
		check: { waitForIndexes: (fields.waitForIndexes ?? 0) * 1000, sampleSearch: fields.sampleSearch ?? true },
		checksum: fields.snapshotChecksum || undefined,
		connection: fields as QdrantConnectionFields,
		folder: folderOf(fields, OWN_FOLDER),
		serverFetches: fields.serverFetches ?? false,
		snapshotVersion: fields.snapshotVersion?.trim() || undefined,
		timeZone: fields.timeZone || 'UTC',
	};
}

export type RestoreSettings = ReturnType<typeof restoreSettings>;
