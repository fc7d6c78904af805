import { join } from 'node:path';
import { run } from './setup/install.mjs';
import { root } from './setup/paths.mjs';
import { runTests } from './test/vitest.mjs';

// Tests that need Debian packages: S3 by OpenStack Swift, a browser, PostgreSQL's own tools.
run('bash', [join(root, 'scripts', 'install-system.sh')]);
process.exitCode = runTests('test-system', ['system']);
