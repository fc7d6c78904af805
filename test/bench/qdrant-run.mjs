/**
 * One backup of ours in a process of its own, from the built package, so that its memory can be told:
 * `qdrant-run.mjs <url> <collection> <folder> <codec>`. Prints a line of JSON; `seconds` counts from the moment at which the
 * server had made the snapshot.
 */
import { performance } from 'node:perf_hooks';

import engine from '../../dist/engine/index.js';

const { backUpCollections, FolderStorage } = engine;

const [url, collection, root, codec] = process.argv.slice(2);
let madeAt = 0;
const { failures } = await backUpCollections({
	connection: { url },
	storage: new FolderStorage({ root }),
	codec: { name: codec },
	selection: { names: [collection] },
	log: (line) => {
		if (line.startsWith('The server has made')) madeAt = performance.now();
	},
});
if (failures[0]) throw failures[0].error;
const seconds = (performance.now() - madeAt) / 1000;
console.log(JSON.stringify({ seconds, megabytes: process.resourceUsage().maxRSS / 1024 }));
