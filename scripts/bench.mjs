import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { run } from './setup/install.mjs';
import { root } from './setup/paths.mjs';

// Each test/bench/<name>.bench.ts prints its table; `npm run bench -- <name>` runs those whose name begins so.
run(process.execPath, [join(root, 'scripts', 'build.mjs')], { cwd: root });
const folder = join(root, 'test', 'bench');
const hooks = pathToFileURL(join(root, 'scripts', 'typescript-hooks.mjs')).href;
const [wanted = '', ...args] = process.argv.slice(2);
const files = readdirSync(folder).filter((file) => file.endsWith('.bench.ts') && file.startsWith(wanted));
for (const file of files.sort()) run(process.execPath, ['--import', hooks, join(folder, file), ...args], { cwd: root });
