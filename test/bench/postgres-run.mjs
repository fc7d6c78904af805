/**
 * One backup or restore of ours in a process of its own, from the built package, so that its memory can be told:
 * `postgres-run.mjs backup|again|restore <connection as JSON> <folder, or S3 options as JSON> [parallel] [codec] [passphrase]`. Prints a line of JSON:
 * seconds, CPU seconds of all threads, and memory at its highest. In n8n the process runs already, so its start and the
 * loading of the engine are left out of the times. `again` measures the second back up of a process, into the folder
 * `<folder>-2`: the first one compiles pg_dump, which all others of that process use. In between it says that it is ready, and waits.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

import engine from '../../dist/engine/index.js';

const { ArchiveSource, backUpDatabase, findBackup, FolderStorage, openArchive, restoreDatabase, S3Storage } = engine;

const [what, connectionText, root, parallel = '2', codec = 'zstd', passphrase] = process.argv.slice(2);
const connection = JSON.parse(connectionText);
const storage = root.startsWith('{') ? new S3Storage(JSON.parse(root)) : new FolderStorage({ root });
const keys = passphrase ? { passphrase } : undefined;
const backUp = (target) =>
	backUpDatabase({ connection, storage: target, codec: { name: codec }, parallel: Number(parallel), encryption: keys });
if (what === 'again') {
	await backUp(storage);
	process.send('ready');
	await once(process, 'message');
	process.disconnect();
}
const startedAt = performance.now();
const cpuBefore = process.cpuUsage();
if (what === 'backup') await backUp(storage);
else if (what === 'again') await backUp(new FolderStorage({ root: `${root}-2` }));
else {
	const backup = await findBackup(storage, { latest: connection.database });
	await restoreDatabase({
		connection,
		source: new ArchiveSource(await openArchive(storage, backup.manifestKey, keys)),
		target: { type: 'newDatabase', database: `${connection.database}_ours` },
		parallel: Number(parallel),
	});
}
const seconds = (performance.now() - startedAt) / 1000;
const { user, system } = process.cpuUsage(cpuBefore);
const cpu = (user + system) / 1e6;
// Not ru_maxrss, which goes on from the process that started this one.
const megabytes = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;
console.log(JSON.stringify({ seconds, cpu, megabytes }));
