import { once } from 'node:events';
import { watch } from 'node:fs';
import { join } from 'node:path';
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
console.log(`n8n is open at ${n8n.url}, log in as ${n8n.connection.email} with ${n8n.connection.password}`);
console.log(`Nodes may read and write in ${n8n.connection.filesFolder}. Ctrl-C ends it all.`);

function rebuild() {
	try {
		build();
		linkPackage(root, n8n.connection.userFolder);
		console.log(`${new Date().toLocaleTimeString()} rebuilt and loaded`);
	} catch (error) {
		console.log(`${new Date().toLocaleTimeString()} not rebuilt: ${error.message}`);
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
