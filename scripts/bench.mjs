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
// Node would look for types in what the hooks have compiled, with a parser of 50 MB in each process and thread: n8n runs without that.
const flags = ['--no-experimental-strip-types', '--import', hooks];
const files = readdirSync(folder).filter((file) => file.endsWith('.bench.ts') && file.startsWith(wanted));
for (const file of files.sort()) run(process.execPath, [...flags, join(folder, file), ...args], { cwd: root });
