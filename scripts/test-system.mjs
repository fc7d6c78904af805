import { join } from 'node:path';
import { buildComposeLoader, installKubernetesValidate } from '../test/services/deploy-tools.ts';
import { onPath } from '../test/services/go-programs.ts';
import { buildMinio } from '../test/services/s3/minio.ts';
import { buildVersityGw } from '../test/services/s3/versitygw.ts';
import { installApart, run } from './setup/install.mjs';
import { cache, root } from './setup/paths.mjs';
import { ensureSqliteDriver } from './setup/sqlite-driver.mjs';
import { runTests } from './test/vitest.mjs';

// Tests that need Debian packages: S3 by OpenStack Swift, a browser, PostgreSQL's own tools. What must be installed or built is
// before any test, which waits for a server's start only.
// What is written in Go is built beside the installation, which waits for the network much of its time, unless Go has to be set up for it, which
// needs a package from there; the driver needs the compiler from it.
const buildPrograms = async () => {
	await buildMinio();
	await buildVersityGw();
	await buildComposeLoader();
};
const programs = onPath('go') ? buildPrograms() : undefined;
run('bash', [join(root, 'scripts', 'install-system.sh')]);
ensureSqliteDriver();
await (programs ?? buildPrograms());
installKubernetesValidate();
installApart(join(root, 'test', 'services', 'postgres-versions'), join(cache, 'postgres-versions'), {
	label: 'PostgreSQL 12, 13, 14, 16 and 17 (110 MB)',
});
process.exitCode = runTests('test-system', ['system']);
