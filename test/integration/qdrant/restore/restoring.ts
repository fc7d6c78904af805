/** A process that restores the latest backup of `docs` by a safe swap, so that a test can kill it: `<url> <root> <target>`. */
import { openArchive } from '../../../../engine/archive';
import { findBackup } from '../../../../engine';
import { archiveSource, restoreCollection } from '../../../../engine/qdrant';
import { FolderStorage } from '../../../../engine/storage';

async function main([url, root, collection]: string[]): Promise<void> {
	const storage = new FolderStorage({ root: root! });
	const { manifest } = await findBackup(storage, { latest: 'docs', kind: 'qdrant' }, 'qdrant/');
	const source = archiveSource(await openArchive(storage, { manifest, folder: 'qdrant' }));
	const target = { type: 'safeSwap', collection: collection!, confirmation: collection! } as const;
	await restoreCollection({ connection: { url: url! }, source, target });
}

main(process.argv.slice(2)).catch((error: unknown) => {
	console.error(error);
	process.exitCode = 1;
});
