import type { IExecuteFunctions } from 'n8n-workflow';

import type { CodecName, CodecOptions } from '../../engine';
import { encryptionKeys } from '../shared/encryption';
import { collectionOf, numberIn, numberOf, textOf } from '../shared/fields';
import { folderOf } from '../shared/folder';
import { splitList } from '../shared/lists';
import { connectTimeoutIn } from '../shared/postgresConnection';
import { isSimplified } from '../shared/simplify';
import { limitedStorage } from '../shared/bandwidth';
import { noticesTo, STORAGE_CREDENTIAL, storageOf, type StorageCredential } from '../shared/storage';
import { WAL_FOLDER } from './fields';
import { triggerAccess } from './runContext';

/** The fields of the trigger as the engine wants them. @throws BackupError INVALID_INPUT, STORAGE_DENIED */
export async function triggerSettings(context: IExecuteFunctions) {
	const options = collectionOf(context, 'options', 0, 'Options');
	const credential = await context.getCredentials(STORAGE_CREDENTIAL, 0);
	const signal = context.getExecutionCancelSignal();
	const use = { type: 'run' as const, onNotice: noticesTo(context), signal };
	const storage = await storageOf(credential as unknown as StorageCredential, triggerAccess(), use);
	const isEncrypted = context.getNodeParameter('encrypt', 0) === true;
	const encryption = isEncrypted ? await encryptionKeys(context, 0) : undefined;
	return {
		connectTimeout: connectTimeoutIn(options),
		isSimple: isSimplified(context, 0),
		interval: 1000 * numberOf(context.getNodeParameter('interval', 0), 'Interval (Seconds)', { min: 1, max: 3600 }),
		archive: {
			slot: textOf(context.getNodeParameter('slot', 0), 'Replication Slot').trim(),
			name: textOf(context.getNodeParameter('backupName', 0), 'Backup Name').trim() || undefined,
			storage: limitedStorage(context, 0, storage),
			codec: codecOf(context, options),
			folder: folderOf(options, WAL_FOLDER),
			timeZone: textOf(options['timeZone'], 'Time Zone') || 'UTC',
			tags: splitList(options['tags'], 'Tags'),
			...(encryption && { encryption }),
		},
	};
}

function codecOf(context: IExecuteFunctions, options: Record<string, unknown>): CodecOptions {
	const name = context.getNodeParameter('compression', 0) as CodecName;
	const level = numberIn(options, 'compressionLevel', 0, 'Compression Level', { min: 0, max: 19 });
	return level > 0 ? { name, level } : { name };
}
