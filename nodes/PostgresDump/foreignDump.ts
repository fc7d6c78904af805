import type { IExecuteFunctions } from 'n8n-workflow';

import type { ForeignDump, Storage } from '../../engine';
import { chosenFile, whileRestoring, withIncomingFile } from '../shared/archiveSource';
import { decryptionKeys } from '../shared/encryption';
import { openStorage } from '../shared/storage';

/** Runs `use` with the file that the Source fields of Import and List Contents name. */
export async function withForeignDump<T>(
	context: IExecuteFunctions,
	item: number,
	use: (dump: ForeignDump) => Promise<T>,
): Promise<T> {
	const keys = await decryptionKeys(context, item);
	const dumpOf = (storage: Storage, key: string): ForeignDump => ({
		name: key,
		keys,
		open: async (signal) => await storage.read(key, { signal }),
	});
	if (context.getNodeParameter('source', item) === 'binaryData') {
		return await withIncomingFile(context, item, async ({ storage, key }) => await use(dumpOf(storage, key)));
	}
	const key = chosenFile(context, item, 'dumpFile');
	const storage = await openStorage(context, item);
	return await whileRestoring(context, item, storage, { key }, async (visible) => await use(dumpOf(visible, key)));
}
