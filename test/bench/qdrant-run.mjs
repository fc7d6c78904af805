/**
 * One backup of ours in a process of its own, from the built package, so that its memory can be measured:
 * `qdrant-run.mjs <url> <collection> <folder> <codec> <pid of the server> [passphrase]`. Prints a line of JSON; `seconds` and
 * `cpu` count from the moment at which the server had made the snapshot to that at which the backup stands in the folder with
 * all that belongs to it; the server's deletion of its snapshot comes after that, as it does for the others.
 */
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

import engine from '../../dist/engine/index.js';

const { backUpCollections, FolderStorage } = engine;

const [url, collection, root, codec, serverPid, passphrase] = process.argv.slice(2);

/** CPU seconds of our process and of the server so far, and the time. */
function now() {
	const { user, system } = process.cpuUsage();
	const fields = readFileSync(`/proc/${serverPid}/stat`, 'latin1')
		.replace(/^.*\) /, '')
		.split(' ');
	return {
		at: performance.now() / 1000,
		cpu: (user + system) / 1e6,
		serverCpu: (Number(fields[11]) + Number(fields[12])) / 100,
	};
}

let made;
let stored;
const storage = new FolderStorage({ root });
// The last that a backup writes.
const setLatest = storage.setLatest.bind(storage);
storage.setLatest = async (...args) => {
	await setLatest(...args);
	stored = now();
};
const { failures } = await backUpCollections({
	connection: { url },
	storage,
	codec: { name: codec },
	...(passphrase && { encryption: { passphrase } }),
	selection: { names: [collection] },
	log: (line) => {
		if (line.startsWith('The server has made')) made = now();
	},
});
if (failures[0]) throw failures[0].error;
console.log(
	JSON.stringify({
		seconds: stored.at - made.at,
		cpu: stored.cpu - made.cpu,
		serverCpu: stored.serverCpu - made.serverCpu,
		megabytes: process.resourceUsage().maxRSS / 1024,
	}),
);
