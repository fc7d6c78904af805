import type { IExecuteFunctions, INodeParameterResourceLocator } from 'n8n-workflow';

import { BackupError, type ForeignDump, type Storage } from '../../engine';
import { decryptionKeys } from '../shared/encryption';
import { openStorage } from '../shared/storage';

import { withIncomingFile } from './archiveSource';

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
	const locator = context.getNodeParameter('dumpFile', item) as INodeParameterResourceLocator;
	const key = String(locator.value ?? '').trim();
	if (key === '') throw new BackupError('INVALID_INPUT', 'No file is chosen.', { hint: 'Fill in File.' });
	return await use(dumpOf(await openStorage(context, item), key));
}
