import { join } from 'node:path';
import { buildMinio } from '../test/services/s3/minio.ts';
import { run } from './setup/install.mjs';
import { root } from './setup/paths.mjs';
import { runTests } from './test/vitest.mjs';

// Tests that need Debian packages: S3 by OpenStack Swift, a browser, PostgreSQL's own tools. What must be installed or built is
// before any test, which waits for a server's start only.
run('bash', [join(root, 'scripts', 'install-system.sh')]);
await buildMinio();
process.exitCode = runTests('test-system', ['system']);
