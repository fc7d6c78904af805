/** Run as a process of its own, to be killed: backs up or restores an instance, and writes what it is at, a line each. */
import {
	backUpInstance,
	keyIn,
	listManifests,
	manifestKeyOf,
	openArchive,
	readSettings,
	restoreInstance,
} from '../../../engine';
import { FolderStorage } from '../../../engine/storage/folder';

const KEYS = { passphrase: 'a long passphrase' };

async function main([what, storageRoot = '', root = '', key = '']: string[]): Promise<void> {
	const storage = new FolderStorage({ root: storageRoot });
	const log = (line: string) => void process.stdout.write(`${line}\n`);
	if (what === 'backup') {
		const readText = () => JSON.stringify({ encryptionKey: key });
		const settings = readSettings({ env: { N8N_USER_FOLDER: root }, readText, namesIn: () => undefined });
		const options = { storage, settings, encryption: KEYS, keys: KEYS, binaryData: false, log };
		await backUpInstance({ ...options, codec: { name: 'zstd' }, name: 'n8n', version: '2.41.3' });
		return;
	}
	const [backup] = (await listManifests(storage, '')).backups;
	const { folder = '', file } = backup!.manifest;
	const reader = await openArchive(storage, manifestKeyOf(keyIn(folder, file)), KEYS);
	await restoreInstance({ reader, storage, keys: KEYS, folder: root, log });
}

void main(process.argv.slice(2));
