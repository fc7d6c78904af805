/** Run as a process of its own, to be killed: backs up or restores a folder, and writes a dot for each entry that it is done with. */
import { backUpFiles, findBackup, openArchive, restoreFiles } from '../../../engine';
import { FolderStorage } from '../../../engine/storage/folder';

async function main([what, storageRoot = '', root = '']: string[]): Promise<void> {
	const storage = new FolderStorage({ root: storageRoot });
	const onProgress = () => void process.stdout.write('.');
	if (what === 'backup') {
		await backUpFiles({
			storage,
			codec: { name: 'zstd' },
			root,
			name: 'set',
			incremental: { wholeEvery: 0, leastUse: 0 },
			checkpointBytes: 1_000_000,
			onProgress,
		});
		return;
	}
	const { manifestKey } = await findBackup(storage, { latest: 'set' });
	const reader = await openArchive(storage, manifestKey);
	await restoreFiles({ reader, storage, keys: undefined, root, existing: 'fail', onProgress });
}

void main(process.argv.slice(2));
