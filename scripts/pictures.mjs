import { join } from 'node:path';
import { run } from './setup/install.mjs';
import { root } from './setup/paths.mjs';
import { runTests } from './test/vitest.mjs';

// The pictures of the README and of docs/, anew in docs/images: what takes them is a test of the editor, which looks at each first.
run('bash', [join(root, 'scripts', 'install-system.sh')]);
const env = { ...process.env, PICTURES: 'docs' };
process.exitCode = runTests('pictures', ['system'], ['test/system/editor/documentation.test.ts'], { env });
