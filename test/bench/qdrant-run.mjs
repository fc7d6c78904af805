/**
 * One backup of ours in a process of its own, from the built package, so that its memory can be told:
 * `qdrant-run.mjs <url> <collection> <folder> <codec>`. Prints a line of JSON; `seconds` counts from the moment at which the
 * server had made the snapshot to that at which the backup stands in the folder with all that belongs to it; the server's
 * deletion of its snapshot comes after that, as it does for the others.
 */
import { performance } from 'node:perf_hooks';

import engine from '../../dist/engine/index.js';

const { backUpCollections, FolderStorage } = engine;

const [url, collection, root, codec] = process.argv.slice(2);
let madeAt = 0;
let storedAt = 0;
const storage = new FolderStorage({ root });
// The last that a backup writes.
const setLatest = storage.setLatest.bind(storage);
storage.setLatest = async (...args) => {
	await setLatest(...args);
	storedAt = performance.now();
};
const { failures } = await backUpCollections({
	connection: { url },
	storage,
	codec: { name: codec },
	selection: { names: [collection] },
	log: (line) => {
		if (line.startsWith('The server has made')) madeAt = performance.now();
	},
});
if (failures[0]) throw failures[0].error;
const seconds = (storedAt - madeAt) / 1000;
console.log(JSON.stringify({ seconds, megabytes: process.resourceUsage().maxRSS / 1024 }));
