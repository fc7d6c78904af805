/**
 * One backup or restore of ours in a process of its own, from the built package, so that its memory can be told:
 * `postgres-run.mjs backup|restore <connection as JSON> <folder> [parallel] [codec]`. Prints a line of JSON.
 */
import { performance } from 'node:perf_hooks';

import engine from '../../dist/engine/index.js';

const { ArchiveSource, backUpDatabase, findBackup, FolderStorage, openArchive, restoreDatabase } = engine;

const [what, connectionText, root, parallel = '2', codec = 'zstd'] = process.argv.slice(2);
const connection = JSON.parse(connectionText);
const storage = new FolderStorage({ root });
const startedAt = performance.now();
if (what === 'backup') {
	await backUpDatabase({ connection, storage, codec: { name: codec }, parallel: Number(parallel) });
} else {
	const backup = await findBackup(storage, { latest: connection.database });
	await restoreDatabase({
		connection,
		source: new ArchiveSource(await openArchive(storage, backup.manifestKey)),
		target: { type: 'newDatabase', database: `${connection.database}_ours` },
		parallel: Number(parallel),
	});
}
const seconds = (performance.now() - startedAt) / 1000;
console.log(JSON.stringify({ seconds, megabytes: process.resourceUsage().maxRSS / 1024 }));
