import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';

import { version } from '../../../package.json';
import { NODES } from './nodes';

const ROOT = join(__dirname, '..', '..', '..');
const CHANGELOG = readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8');
const PUBLISH = readFileSync(join(ROOT, '.github', 'workflows', 'publish.yml'), 'utf8');

const folder = mkdtempSync(join(tmpdir(), 'release-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the workflow runs before it publishes, as GitHub does: by a bash that ends at the first failure. */
function mayPublish(tag: string, changelog: string): boolean {
	const [, block = ''] = /run: \|\n((?: {10}.*\n)+)/.exec(PUBLISH) ?? [];
	expect(block).toContain('GITHUB_REF_NAME');
	writeFileSync(join(folder, 'package.json'), JSON.stringify({ version: '0.2.0' }));
	writeFileSync(join(folder, 'CHANGELOG.md'), changelog);
	const env = { ...process.env, GITHUB_REF_NAME: tag };
	return spawnSync('bash', ['-e', '-c', block], { cwd: folder, env }).status === 0;
}

it('publishes a tag only where it is the version, and the changelog has that with its date', () => {
	const released = '# Changelog\n\n## [0.2.0] - 2027-01-31\n';
	expect(mayPublish('v0.2.0', released)).toBe(true);
	expect(mayPublish('v0.2.1', released)).toBe(false);
	expect(mayPublish('v0.2.0', released.replace('2027-01-31', 'unreleased'))).toBe(false);
	expect(mayPublish('v0.2.0', released.replaceAll('0.2.0', '0.1.0'))).toBe(false);
});

it('has the version of the package in the changelog', () => {
	expect(CHANGELOG).toMatch(
		new RegExp(`^## \\[${version.replaceAll('.', '\\.')}\\] - (unreleased|\\d{4}-\\d{2}-\\d{2})$`, 'm'),
	);
});

it('tells of every node in the changelog', () => {
	expect(NODES.filter(({ title }) => !CHANGELOG.includes(`- **${title}**: `))).toEqual([]);
});
