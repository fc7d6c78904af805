import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

// @ts-expect-error The scripts are plain JavaScript.
import { ensureDependencies } from '../../../../scripts/setup/dependencies.mjs';

const ensure = ensureDependencies as (env: NodeJS.ProcessEnv, repository: string) => void;

describe('A node_modules that is a symbolic link', () => {
	let folder: string;
	let repository: string;
	let installed: string;

	beforeEach(async () => {
		folder = await mkdtemp(join(tmpdir(), 'dependencies-'));
		repository = join(folder, 'repository');
		installed = join(folder, 'installed');
		await mkdir(repository);
		await mkdir(installed);
		await writeFile(join(repository, 'package.json'), JSON.stringify({ name: 'empty', version: '1.0.0' }));
		const lock = {
			name: 'empty',
			version: '1.0.0',
			lockfileVersion: 3,
			packages: { '': { name: 'empty', version: '1.0.0' } },
		};
		await writeFile(join(repository, 'package-lock.json'), JSON.stringify(lock));
		await writeFile(join(installed, 'of-another'), '');
		await symlink(installed, join(repository, 'node_modules'));
	});

	afterEach(async () => {
		await rm(folder, { recursive: true, force: true });
	});

	it('is never installed over, for npm would empty the folder that it points to', async () => {
		expect(() => ensure(process.env, repository)).toThrow(/symbolic link.*Install there, or remove the link/);
		expect(await readdir(installed)).toEqual(['of-another']);
	});

	it('is never installed over after the lock file has changed', async () => {
		await writeFile(join(installed, '.package-lock.json'), '{}');
		await utimes(join(installed, '.package-lock.json'), 0, 0);
		expect(() => ensure(process.env, repository)).toThrow('symbolic link');
		expect(await readdir(installed)).toEqual(['.package-lock.json', 'of-another']);
	});

	it('that points nowhere is not installed over either', async () => {
		await rm(installed, { recursive: true });
		expect(() => ensure(process.env, repository)).toThrow('symbolic link');
	});

	it('is used where it holds what the lock file names', async () => {
		await writeFile(join(installed, '.package-lock.json'), '{}');
		ensure(process.env, repository);
		expect(await readdir(installed)).toContain('of-another');
	});
});
