import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it } from 'vitest';

import { backUpFiles, findBackup, listManifests, openArchive, restoreFiles } from '../../../engine';
import { temporaryStorage } from '../../integration/archive/support';
import { settled } from '../../integration/settled';
import { folder } from '../../integration/files/stage';
import { noise } from '../../random/bytes';

const random = noise('files/killed');
const ENTRIES = 120;

function sample(): string {
	const root = folder();
	mkdirSync(path.join(root, 'docs'));
	for (let index = 0; index < ENTRIES; index++) {
		const size = index % 10 === 0 ? 1_500_000 : index * 300;
		writeFileSync(path.join(root, index % 2 === 0 ? `file-${index}` : `docs/file-${index}`), random(size));
	}
	return root;
}

/** Whole files by name, without what a restore that was killed has left under names of its own. */
function contentsOf(root: string): Map<string, string> {
	const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
	return new Map(
		files
			.filter(({ name }) => !name.endsWith('.partial'))
			.map(({ parentPath, name }): [string, string] => {
				const file = path.join(parentPath, name);
				return [path.relative(root, file), readFileSync(file).toString('base64')];
			}),
	);
}

/** Lets a run do some entries, and kills it. */
async function killAfter(entries: number, ...what: string[]): Promise<void> {
	const child = spawn(
		process.execPath,
		['--import', './scripts/typescript-hooks.mjs', `${__dirname}/worker.ts`, ...what],
		{
			stdio: ['ignore', 'pipe', 'inherit'],
		},
	);
	const closed = once(child, 'close');
	let done = 0;
	child.stdout.on('data', (dots: Buffer) => {
		done += dots.length;
		if (done >= entries) child.kill('SIGKILL');
	});
	await closed;
	expect(child.signalCode).toBe('SIGKILL');
}

/** A number of entries, before the last. */
const some = () => 1 + (random(1)[0]! % (ENTRIES - 20));

describe('a run that is killed at any moment', () => {
	it('while it backs up, leaves nothing that is taken for a backup, and the next one goes on', async () => {
		const root = sample();
		await settled(root);
		const { storage, root: storageRoot } = temporaryStorage();
		for (let round = 0; round < 3; round++) {
			await killAfter(some(), 'backup', storageRoot, root);
			expect((await listManifests(storage, '')).backups).toEqual([]);
		}
		const options = { storage, root, name: 'set', codec: { name: 'zstd' } as const };
		const manifest = await backUpFiles({ ...options, incremental: { wholeEvery: 0, leastUse: 0 } });
		const checkpoints = (await listManifests(storage, '', { checkpoints: true })).backups.length - 1;
		if (checkpoints > 0) expect(manifest.counts['reused']).toBeGreaterThan(0);
		const target = folder();
		const reader = await openArchive(storage, { manifest, folder: 'files' });
		await restoreFiles({ reader, storage, keys: undefined, root: target, existing: 'fail' });
		expect(contentsOf(target)).toEqual(contentsOf(root));
	});

	it('while it restores, leaves whole files alone, and the next one goes on', async () => {
		const root = sample();
		const { storage, root: storageRoot } = temporaryStorage();
		await backUpFiles({ storage, root, name: 'set', codec: { name: 'zstd' } });
		const expected = contentsOf(root);
		const target = folder();
		for (let round = 0; round < 3; round++) {
			await killAfter(some(), 'restore', storageRoot, target);
			for (const [name, content] of contentsOf(target)) expect(content === expected.get(name), name).toBe(true);
		}
		const { manifestKey } = await findBackup(storage, { latest: 'set' });
		const reader = await openArchive(storage, manifestKey);
		const result = await restoreFiles({ reader, storage, keys: undefined, root: target, existing: 'fail' });
		expect(result.same).toBeGreaterThan(0);
		expect(contentsOf(target)).toEqual(expected);
		rmSync(target, { recursive: true });
	});
});
