/**
 * A process that backs `docs` up, or restores its latest backup as a new collection, with notes in the same storage, so that a
 * test can kill it: `<url> <root> <new collection>`.
 */
import { openArchive } from '../../../engine/archive';
import { findBackup } from '../../../engine';
import { archiveSource, backUpCollections, restoreCollection } from '../../../engine/qdrant';
import { FolderStorage } from '../../../engine/storage';

async function main([url, root, collection]: string[]): Promise<void> {
	const storage = new FolderStorage({ root: root! });
	const connection = { url: url! };
	if (collection === undefined) {
		await backUpCollections({ connection, storage, codec: { name: 'none' }, selection: { names: ['docs'] } });
		return;
	}
	const { manifest } = await findBackup(storage, { latest: 'docs', kind: 'qdrant' }, 'qdrant/');
	const source = archiveSource(await openArchive(storage, { manifest, folder: 'qdrant' }));
	const target = { type: 'newCollection', collection } as const;
	await restoreCollection({ connection, source, target, ledger: { storage } });
}

main(process.argv.slice(2)).catch((error: unknown) => {
	console.error(error);
	process.exitCode = 1;
});
