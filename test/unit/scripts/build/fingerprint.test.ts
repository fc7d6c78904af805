import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it, onTestFinished } from 'vitest';

// @ts-expect-error The scripts are plain JavaScript.
import { fingerprint } from '../../../../scripts/build/fingerprint.mjs';
import { removeFolder, temporaryFolder } from '../../../services/guard';

const fingerprintOf = fingerprint as (root: string, paths: string[]) => string;

/** A folder with sources, and what their fingerprint is. */
function sources() {
	const root = temporaryFolder('sources');
	onTestFinished(() => removeFolder(root));
	const write = (path: string, content: string) => writeFileSync(join(root, path), content);
	mkdirSync(join(root, 'engine', 'deep'), { recursive: true });
	write('engine/deep/a.ts', 'a');
	write('engine/b.ts', 'b');
	write('tsconfig.json', '{}');
	return { root, write, now: () => fingerprintOf(root, ['engine', 'tsconfig.json']) };
}

it('is the same for the same files', () => {
	expect(sources().now()).toBe(sources().now());
});

it('is another one where a file is changed, added, renamed or gone', () => {
	const { root, write, now } = sources();
	const seen = [now()];
	write('engine/deep/a.ts', 'A');
	seen.push(now());
	write('engine/deep/c.ts', 'b');
	seen.push(now());
	renameSync(join(root, 'engine/deep/c.ts'), join(root, 'engine/deep/d.ts'));
	seen.push(now());
	rmSync(join(root, 'tsconfig.json'));
	seen.push(now());
	rmSync(join(root, 'engine'), { recursive: true });
	seen.push(now());
	expect(new Set(seen).size).toBe(seen.length);
});

it('does not count what stands beside', () => {
	const { write, now } = sources();
	const before = now();
	write('README.md', 'more');
	expect(now()).toBe(before);
});
