import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { acquireLock, MANIFEST_SUFFIX } from '../../../../engine/archive';
import { FolderStorage, type Storage } from '../../../../engine/storage';
import { all } from '../../storage/content';
import {
	backupsIn,
	changeManifest,
	intercepted,
	pruneBy,
	removals,
	temporaryRoot,
	textOf,
	withManifests,
	writeBackup,
	writeDaily,
} from '../support';

const RULES = { last: 2, weeklySnapshots: 1 };
const MUTATIONS = ['write', 'copy', 'replace', 'setLatest', 'sweep'] as const;

/** A storage that calls a function before each change, of each of many keys too. */
function stepwise(storage: Storage, step: () => void): Storage {
	const methods = MUTATIONS.map((name) => [
		name,
		async (...args: never[]) => {
			step();
			return await (storage[name] as (...some: never[]) => Promise<unknown>).apply(storage, args);
		},
	]);
	return intercepted(storage, {
		...(Object.fromEntries(methods) as Partial<Storage>),
		...removals(async (key) => {
			step();
			await storage.remove(key);
		}),
	});
}

/** Five backups, of which the second oldest is pinned, and an old weekly copy. */
async function prepared() {
	const root = temporaryRoot();
	const storage = new FolderStorage({ root });
	const old = await writeBackup(storage, 400, { folder: 'weekly/2020_W01' });
	const keys = await writeDaily(storage, 5);
	await changeManifest(storage, keys[3]!, { pinned: true });
	return { root, storage, keys, old };
}

/** As if the time of the lock that is held had passed. */
async function endLock(storage: Storage): Promise<void> {
	const [newest] = (await all(storage.list('.stack-backup/lock-')))
		.map(({ key }) => key)
		.sort()
		.reverse();
	if (!newest) return;
	const record = JSON.parse(await textOf(storage, newest)) as object;
	await storage.replace(newest, Buffer.from(JSON.stringify({ ...record, expiresAt: '2020-01-01T00:00:00.000Z' })));
}

/** A process that prunes the folder, and sends itself the signal once it has changed a key that holds the text. */
function start(root: string, signal: NodeJS.Signals, where: string) {
	const script = path.join(__dirname, 'prune-until.ts');
	const child = spawn(process.execPath, [...process.execArgv, script, root, signal, where]);
	onTestFinished(() => void child.kill('SIGKILL'));
	const output: Buffer[] = [];
	child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
	return Object.assign(child, { output: () => Buffer.concat(output).toString() });
}

/** Waits until a process stands still. */
async function paused(pid: number): Promise<void> {
	await vi.waitUntil(() => / T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')), { timeout: 20_000 });
}

/** What must be there whatever happened, and nothing that is none. */
async function expectSafe(storage: Storage, keys: string[]): Promise<void> {
	const left = await backupsIn(storage);
	expect(left).toEqual(expect.arrayContaining(withManifests([keys[0]!, keys[1]!, keys[3]!])));
	for (const key of left)
		if (key.endsWith(MANIFEST_SUFFIX)) expect(left).toContain(key.slice(0, -MANIFEST_SUFFIX.length));
}

describe('a run that is killed', () => {
	it('at any of its steps leaves what must stay, and the next one ends as if nothing had been', async () => {
		const whole = await prepared();
		let steps = 0;
		await pruneBy(
			stepwise(whole.storage, () => {
				steps++;
			}),
			RULES,
		);
		const names = (keys: string[]) => keys.map((key) => key.replace(/\d{8}_\d{6}/, ''));
		const expected = names(await backupsIn(whole.storage));
		expect(steps).toBeGreaterThan(20);
		// All but the last step, which gives the lock back.
		for (let last = 1; last < steps - 1; last++) {
			const { storage, keys } = await prepared();
			let done = 0;
			const dying = stepwise(storage, () => {
				// Whoever is dead does nothing any more.
				if (++done > last) throw new Error('killed');
			});
			await expect(pruneBy(dying, RULES)).rejects.toThrow('killed');
			await expectSafe(storage, keys);
			await endLock(storage);
			await pruneBy(storage, RULES);
			await expectSafe(storage, keys);
			expect([last, names(await backupsIn(storage))]).toEqual([last, expected]);
		}
	});

	it.each(['deleting.json', 'lock-', 'weekly/', '.manifest.json'])(
		'by the system, when it has come to %s, leaves the same, and keeps nobody waiting',
		async (where) => {
			const { root, storage, keys } = await prepared();
			const child = start(root, 'SIGKILL', where);
			await once(child, 'close');
			expect(child.signalCode).toBe('SIGKILL');
			await expectSafe(storage, keys);
			await pruneBy(storage, RULES);
			await expectSafe(storage, keys);
			expect((await backupsIn(storage)).filter((key) => !key.startsWith('weekly/'))).toEqual(
				withManifests([keys[0]!, keys[1]!, keys[3]!]),
			);
		},
	);
});

describe('a run that is paused until another has taken over', () => {
	it('deletes nothing more when it goes on', async () => {
		const { root, storage, keys } = await prepared();
		const child = start(root, 'SIGSTOP', 'deleting.json');
		await paused(child.pid!);
		await endLock(storage);
		const lock = await acquireLock(storage, { owner: 'another run' });
		// What the paused run would delete has become precious meanwhile.
		const before = await backupsIn(storage);
		child.kill('SIGCONT');
		const [code] = (await once(child, 'close')) as [number];
		expect([code, child.output()]).toEqual([1, 'STORAGE_LOCKED']);
		expect(await backupsIn(storage)).toEqual(before);
		expect(before).toEqual(expect.arrayContaining(withManifests([keys[2]!, keys[4]!])));
		await lock.release();
	});
});
