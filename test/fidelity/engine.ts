import { join } from 'node:path';

import { type Manifest, openArchive } from '../../engine/archive';
import { ArchiveSource, backUpDatabase, restoreDatabase, type RestoreReport } from '../../engine/postgres';
import { FolderStorage } from '../../engine/storage';
import { removeFolder, temporaryFolder } from '../services/guard';
import type { PostgresServer } from '../services/postgres';

export interface EngineRoundTrip {
	manifest: Manifest;
	/** Path of the archive, as stored. */
	file: string;
	/** Restores it into a new database. */
	restore(database: string): Promise<RestoreReport>;
	cleanUp(): void;
}

/** Backs a database up into a temporary folder with the engine, zstd and no encryption. */
export async function backUpIntoFolder(server: PostgresServer, database: string): Promise<EngineRoundTrip> {
	const root = temporaryFolder('fidelity');
	const storage = new FolderStorage({ root });
	const connection = server.clientConfig(database) as Parameters<typeof backUpDatabase>[0]['connection'];
	const manifest = await backUpDatabase({ connection, storage, codec: { name: 'zstd' } });
	return {
		manifest,
		file: join(root, 'postgres', manifest.file),
		async restore(target) {
			const reader = await openArchive(storage, { manifest, folder: 'postgres' });
			return await restoreDatabase({
				connection: { ...connection, database: 'postgres' },
				source: new ArchiveSource(reader),
				target: { type: 'newDatabase', database: target },
			});
		},
		cleanUp: () => removeFolder(root),
	};
}
