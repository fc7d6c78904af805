import type { IExecuteFunctions } from 'n8n-workflow';

import type { ForeignTar, Storage } from '../../engine';
import { chosenFile, incomingManifest, whileRestoring, withIncomingFile } from '../shared/archiveSource';
import { decryptionKeys } from '../shared/encryption';
import { openStorage } from '../shared/storage';

import { FOREIGN_TARS } from './descriptions/foreign';

/** Whether the Source fields name a tar of others: one in the storage, or binary data that came without a manifest. */
export function isForeignTar(context: IExecuteFunctions, item: number): boolean {
	const source = context.getNodeParameter('source', item);
	return source === FOREIGN_TARS.source.value || (source === 'binaryData' && !incomingManifest(context, item));
}

/** Runs `use` with the tar of others that the Source fields name. */
export async function withForeignTar<T>(
	context: IExecuteFunctions,
	item: number,
	use: (tar: ForeignTar) => Promise<T>,
): Promise<T> {
	const keys = await decryptionKeys(context, item);
	const tarOf = (storage: Storage, key: string): ForeignTar => ({
		name: key,
		keys,
		mustBeEncrypted: keys?.requireEncryption ?? false,
		open: async (signal) => await storage.read(key, signal ? { signal } : {}),
	});
	if (context.getNodeParameter('source', item) === 'binaryData') {
		return await withIncomingFile(context, item, async ({ storage, key }) => await use(tarOf(storage, key)));
	}
	const key = chosenFile(context, item, FOREIGN_TARS.field.name);
	const storage = await openStorage(context, item);
	return await whileRestoring(context, item, storage, { key }, async (visible) => await use(tarOf(visible, key)));
}
