import { join } from 'node:path';
import { onPath } from '../test/services/s3/go-programs.ts';
import { buildMinio } from '../test/services/s3/minio.ts';
import { buildVersityGw } from '../test/services/s3/versitygw.ts';
import { run } from './setup/install.mjs';
import { root } from './setup/paths.mjs';
import { ensureSqliteDriver } from './setup/sqlite-driver.mjs';
import { runTests } from './test/vitest.mjs';

// Tests that need Debian packages: S3 by OpenStack Swift, a browser, PostgreSQL's own tools. What must be installed or built is
// before any test, which waits for a server's start only.
// S3 servers are built beside the installation, which waits for the network much of its time, unless Go has to be set up for it, which
// needs a package from there; the driver needs the compiler from it.
const buildServers = async () => {
	await buildMinio();
	await buildVersityGw();
};
const servers = onPath('go') ? buildServers() : undefined;
run('bash', [join(root, 'scripts', 'install-system.sh')]);
ensureSqliteDriver();
await (servers ?? buildServers());
process.exitCode = runTests('test-system', ['system']);
