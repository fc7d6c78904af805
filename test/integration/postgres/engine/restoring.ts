/** A process that restores the latest backup of a database as a new one, so that a test can kill it: `<connection> <root> <name> <target>`. */
import { findBackup } from '../../../../engine';
import { openArchive } from '../../../../engine/archive';
import { ArchiveSource, type PostgresConnection, restoreDatabase } from '../../../../engine/postgres';
import { FolderStorage } from '../../../../engine/storage';

async function main([connection = '', root = '', name = '', database = '']: string[]): Promise<void> {
	const storage = new FolderStorage({ root });
	const { manifest } = await findBackup(storage, { latest: name });
	await restoreDatabase({
		connection: JSON.parse(connection) as PostgresConnection,
		source: new ArchiveSource(await openArchive(storage, { manifest, folder: 'postgres' })),
		target: { type: 'newDatabase', database },
	});
}

main(process.argv.slice(2)).catch((error: unknown) => {
	console.error(error);
	process.exitCode = 1;
});
