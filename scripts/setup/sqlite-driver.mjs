import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from './install.mjs';
import { n8nFolder } from './paths.mjs';

/**
 * n8n's driver for SQLite, built from the sources that n8n's install has, with the headers of the Node that runs this. Nothing else of n8n
 * needs a compiler, so that tests that need no system keep n8n's data in PostgreSQL.
 */
export function ensureSqliteDriver() {
	const driver = join(n8nFolder, 'node_modules', 'sqlite3', 'build', 'Release', 'node_sqlite3.node');
	if (existsSync(driver)) return;
	console.log('Setting up: the SQLite driver of n8n (about 2 minutes)');
	const node = dirname(dirname(process.execPath));
	const headers = existsSync(join(node, 'include', 'node')) ? { npm_config_nodedir: node } : {};
	// Said on the command line: `npm run` hands the ignore-scripts of our .npmrc down to every npm that it starts.
	run('npm', ['rebuild', 'sqlite3', '--build-from-source', '--ignore-scripts=false', '--loglevel=error'], {
		cwd: n8nFolder,
		env: { ...process.env, ...headers, JOBS: 'max' },
	});
	if (!existsSync(driver))
		throw new Error('The SQLite driver of n8n was not built: the install script of sqlite3 did not run.');
}
