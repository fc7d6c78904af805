import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

const ROOT = join(__dirname, '..', '..', '..');
const TEMPLATES = globSync('*.json', { cwd: join(ROOT, 'workflows') });
/** What the tests in a real n8n say, without what only imports every template. */
const TESTS = globSync('test/e2e/**/*.ts', { cwd: ROOT }).map((file) => readFileSync(join(ROOT, file), 'utf8'));

/** A template that no test runs may be broken for everybody who imports it. */
it.each(TEMPLATES)('%s is run by a test in a real n8n', (file) => {
	expect(TESTS.some((text) => text.includes(`'${file}'`))).toBe(true);
});
