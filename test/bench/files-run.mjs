/**
 * One backup or restore of ours in a process of its own, from the built package, so that its memory can be told:
 * `files-run.mjs backup|incremental|restore <folder> <folder of the storage>`. Prints a line of JSON: seconds, CPU seconds of all
 * threads, memory at its highest, bytes. In n8n the process runs already, so its start is left out of the times.
 */
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

import engine from '../../dist/engine/index.js';

const { backUpFiles, findBackup, FolderStorage, openArchive, restoreFiles } = engine;

const [what, root, storageRoot] = process.argv.slice(2);
const storage = new FolderStorage({ root: storageRoot });
const startedAt = performance.now();
const before = process.cpuUsage();
let bytes;
if (what === 'restore') {
	const { manifestKey } = await findBackup(storage, { latest: 'set' });
	const reader = await openArchive(storage, manifestKey);
	({ bytes } = await restoreFiles({ reader, storage, keys: undefined, root, existing: 'fail' }));
} else {
	const incremental = what === 'incremental' ? { wholeEvery: 0, leastUse: 0 } : undefined;
	const { size } = await backUpFiles({ storage, root, name: 'set', codec: { name: 'zstd' }, incremental });
	bytes = size.stored;
}
const seconds = (performance.now() - startedAt) / 1000;
const { user, system } = process.cpuUsage(before);
const cpu = (user + system) / 1e6;
// Not ru_maxrss, which goes on from the process that started this one.
const megabytes = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;
console.log(JSON.stringify({ seconds, cpu, megabytes, bytes }));
