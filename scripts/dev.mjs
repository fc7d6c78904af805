import { once } from 'node:events';
import { watch } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { linkPackage, startN8n } from '../test/services/n8n.ts';
import { build } from './build/package.mjs';
import { root } from './setup/paths.mjs';

/** n8n with our nodes; a change in the sources is compiled and loaded without a restart (n8n's own hot reload). */
build();
const n8n = await startN8n({
	packageFolder: root,
	port: 5678,
	env: { NODE_ENV: 'development', N8N_DEV_RELOAD: 'true' },
});
await passFirstReload();
console.log(`n8n is open at ${n8n.url}, log in as ${n8n.connection.email} with ${n8n.connection.password}`);
console.log(`Nodes may read and write in ${n8n.connection.filesFolder}. Ctrl-C ends it all.`);

function load() {
	linkPackage(root, n8n.connection.userFolder);
}

/**
 * n8n 2.40 forgets its node descriptions once it has started; its first reload then reads ours twice and lists every node
 * twice, and the next one mends that. So both take place before anybody looks.
 */
async function passFirstReload() {
	load();
	if (await listed(({ nodes, names }) => nodes > names, 5000)) {
		load();
		await listed(({ nodes, names }) => nodes === names, 5000);
	}
}

/** Whether n8n's list of nodes comes to be as told within some milliseconds. */
async function listed(asTold, patience) {
	for (const end = Date.now() + patience; Date.now() < end; await sleep(200)) {
		const all = (await n8n.nodeTypes()).map(({ name, version }) => `${name} ${version}`);
		if (asTold({ nodes: all.length, names: new Set(all).size })) return true;
	}
	return false;
}

function rebuild() {
	const time = new Date().toLocaleTimeString();
	try {
		build();
		load();
		console.log(`${time} rebuilt and loaded`);
	} catch (error) {
		console.log(`${time} not rebuilt: ${error.message}`);
	}
}

// An editor writes a file in several steps, and a change may touch many files: wait until it is quiet.
let quiet;
for (const folder of ['engine', 'nodes', 'credentials']) {
	watch(join(root, folder), { recursive: true }, () => {
		clearTimeout(quiet);
		quiet = setTimeout(rebuild, 300);
	});
}
await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
await n8n.stop();
process.exit(0);
