import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { backUpCollections } from '../../../engine/qdrant';
import { startQdrant, type QdrantServer } from '../../services/qdrant';
import { ask, at, createPlain, snapshotNames } from '../../services/qdrant-data';
import { startInterceptor, type Interceptor } from './interceptor';
import { backUp, connectionTo, filesBelow, removeCollections, restore, temporaryStorage, type Backup } from './support';

// What a run that is killed (-9) leaves on the disk of the server is removed by the next run into the same storage.

let server: QdrantServer;
let proxy: Interceptor;

beforeAll(async () => {
	server = await startQdrant();
	proxy = await startInterceptor(server.url);
});
afterAll(async () => {
	await proxy.stop();
	await server.stop();
});
beforeEach(async () => {
	await createPlain(server, 'docs', 100);
});
afterEach(async () => {
	for (const name of await snapshotNames(server, 'docs')) await ask(server, 'DELETE', at('docs', `/snapshots/${name}`));
	await removeCollections(server);
});

/** Runs killed.ts, and kills it when the server has done this and does not come to say so. */
async function killOnceDone(line: RegExp, ...parameters: string[]): Promise<void> {
	let child: ChildProcess | undefined = undefined;
	const kill = async () => {
		child?.kill('SIGKILL');
		await new Promise(() => {});
	};
	proxy.treat = (found) => (line.test(found) ? { after: kill } : undefined);
	const script = ['--import', './scripts/typescript-hooks.mjs', 'test/integration/qdrant/killed.ts'];
	child = spawn(process.execPath, [...script, proxy.url, ...parameters], { stdio: 'inherit' });
	const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
	expect(signal).toBe('SIGKILL');
	proxy.treat = () => undefined;
}

const CREATE = /^POST \/collections\/docs\/snapshots$/;
const UPLOAD = /\/snapshots\/upload$/;

const notes = (root: string) => filesBelow(root).filter((file) => file.includes('server-snapshots'));
const snapshotFiles = () => filesBelow(join(server.folder, 'snapshots')).filter((file) => file.endsWith('.snapshot'));

/** A snapshot that somebody else asks for. */
async function somebodysSnapshot(): Promise<string> {
	return (await ask<{ name: string }>(server, 'POST', at('docs', '/snapshots?wait=true'))).name;
}

describe('a snapshot that was asked for by a run that was killed before the answer', () => {
	const run = async (storage: ReturnType<typeof temporaryStorage>['storage']) => {
		return await backUpCollections({ connection: connectionTo(server), storage, codec: { name: 'none' } });
	};

	it('is removed, and one that was there before is not', async () => {
		const theirs = await somebodysSnapshot();
		const { storage, root } = temporaryStorage();
		await killOnceDone(CREATE, root);
		const left = (await snapshotNames(server, 'docs')).filter((name) => name !== theirs);
		expect(left).toHaveLength(1);
		expect(await run(storage)).toMatchObject({ removedSnapshots: left, warnings: [] });
		expect(await snapshotNames(server, 'docs')).toEqual([theirs]);
		expect(notes(root)).toEqual([]);
	});

	it('is named and left where somebody else has made one at about the same time', async () => {
		const { storage, root } = temporaryStorage();
		await killOnceDone(CREATE, root);
		await sleep(1100);
		const theirs = await somebodysSnapshot();
		const both = await snapshotNames(server, 'docs');
		expect(both).toHaveLength(2);
		const { removedSnapshots, warnings } = await run(storage);
		expect(removedSnapshots).toEqual([]);
		expect(warnings).toEqual([expect.stringMatching(/may have left .* or .* of the collection docs/)]);
		expect(warnings[0]).toContain(theirs);
		expect(await snapshotNames(server, 'docs')).toEqual(both);
	});
});

describe('a file that a restore has uploaded before it was killed', () => {
	let backup: Backup;
	beforeEach(async () => {
		backup = await backUp(server, 'docs');
		await killOnceDone(UPLOAD, backup.root, 'fresh');
		expect(snapshotFiles()).toEqual([expect.stringMatching(/^fresh\/stack-backup-upload-/)]);
	});

	it('is removed by the next backup, though nobody deletes the collection', async () => {
		const { storage, root } = backup;
		const selection = { names: ['docs'] };
		await backUpCollections({ connection: connectionTo(server), storage, codec: { name: 'none' }, selection });
		expect(snapshotFiles()).toEqual([]);
		expect(notes(root)).toEqual([]);
	});

	it('is removed by the next restore, though its collection has been deleted', async () => {
		await ask(server, 'DELETE', at('fresh'));
		const { storage, root } = backup;
		const target = { type: 'newCollection', collection: 'other' } as const;
		const { warnings } = await restore(server, backup, target, { ledger: { storage } });
		expect(warnings).toEqual([]);
		expect(snapshotFiles()).toEqual([]);
		const { collections } = await ask<{ collections: { name: string }[] }>(server, 'GET', '/collections');
		expect(collections.map(({ name }) => name).sort()).toEqual(['docs', 'other']);
		expect(notes(root)).toEqual([]);
	});
});
