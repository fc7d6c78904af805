import { once } from 'node:events';
import { watch } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startN8n } from '../test/services/n8n.ts';
import { linkPackage } from '../test/services/n8n-install.ts';
import { build } from './build/package.mjs';
import { root } from './setup/paths.mjs';

/** n8n with our nodes; a change in the sources is compiled and loaded without a restart (n8n's own hot reload). */
build();
const n8n = await startN8n({
	packageFolder: root,
	editor: true,
	port: 5678,
	env: { NODE_ENV: 'development', N8N_DEV_RELOAD: 'true' },
});
// The first reload after a start is one that lists nodes twice: let nobody see it.
await load();
console.log(`n8n is open at ${n8n.url}, log in as ${n8n.connection.email} with ${n8n.connection.password}`);
console.log(`Nodes may read and write in ${n8n.connection.filesFolder}. Ctrl-C ends it all.`);

/**
 * Hands the built package to n8n, which loads it by itself. n8n 2.40 reads descriptions twice and then lists every node twice
 * where it had let go of them before, or where a second change comes while it reloads; another reload mends that.
 */
async function load() {
	for (let attempt = 0; attempt < 3; attempt++) {
		linkPackage(root, n8n.connection.userFolder);
		if (!(await listsTwice())) return;
	}
}

/** Watches n8n's list of nodes for some seconds: nothing tells when a reload is complete. */
async function listsTwice() {
	for (const end = Date.now() + 4000; Date.now() < end; await sleep(500)) {
		const types = await n8n.nodeTypes();
		// While n8n writes the list, half of it is answered.
		const all = Array.isArray(types) ? types.map(({ name, version }) => `${name} ${version}`) : [];
		if (all.length > new Set(all).size) return true;
	}
	return false;
}

async function rebuild() {
	try {
		build();
		await load();
		console.log(`${new Date().toLocaleTimeString()} rebuilt and loaded`);
	} catch (error) {
		console.log(`${new Date().toLocaleTimeString()} not rebuilt: ${error.message}`);
	}
}

// An editor writes a file in several steps, and a change may touch many files: wait until it is quiet. One rebuild at a time;
// what changes meanwhile makes for another.
let quiet;
let rebuilding = Promise.resolve();
for (const folder of ['engine', 'nodes', 'credentials']) {
	watch(join(root, folder), { recursive: true }, () => {
		clearTimeout(quiet);
		quiet = setTimeout(() => (rebuilding = rebuilding.then(rebuild)), 300);
	});
}
await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
await n8n.stop();
process.exit(0);
