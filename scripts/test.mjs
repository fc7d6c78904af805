import { runTests } from './test/vitest.mjs';

// Everything that needs no root and nothing from the system.
process.exitCode = runTests('test', ['unit', 'integration', 'nodes', 'e2e']);
