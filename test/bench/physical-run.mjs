/**
 * One physical backup or recovery of ours in a process of its own, from the built package, so that its memory can be told:
 * `physical-run.mjs base|wal|recover <run as JSON>`. Prints a line of JSON: seconds, CPU seconds of all threads, memory at its highest,
 * bytes. In n8n the process runs already, so its start and the loading of the engine are left out of the times.
 */
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

import engine from '../../dist/engine/index.js';

const { archiveWal, backUpCluster, FolderStorage, recoverCluster, S3Storage } = engine;

const [what, text] = process.argv.slice(2);
const { connection, storage: place, codec = 'zstd', slot, passphrase, folder } = JSON.parse(text);
const storage = typeof place === 'string' ? new FolderStorage({ root: place }) : new S3Storage(place);
const encryption = passphrase ? { passphrase } : undefined;
const backUp = { connection, storage, name: 'bench', codec: { name: codec }, ...(encryption && { encryption }) };
const runs = {
	base: async () => (await backUpCluster(backUp)).size.stored,
	wal: async () => (await archiveWal({ ...backUp, slot })).stored.reduce((sum, { size }) => sum + size.stored, 0),
	recover: async () => {
		const into = { type: 'folder', folder };
		await recoverCluster({ storage, keys: encryption, target: { type: 'end' }, action: 'promote', into });
	},
};
const startedAt = performance.now();
const before = process.cpuUsage();
const bytes = await runs[what]();
const seconds = (performance.now() - startedAt) / 1000;
const { user, system } = process.cpuUsage(before);
const cpu = (user + system) / 1e6;
// Not ru_maxrss, which goes on from the process that started this one.
const megabytes = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;
console.log(JSON.stringify({ seconds, cpu, megabytes, bytes }));
