import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { backUpCollections, backUpStorage } from '../../../../engine/qdrant';
import { FolderStorage, type WriteOptions } from '../../../../engine/storage';
import { type FaultyProxy, startFaultyProxy } from '../../../services/faultyProxy';
import { temporaryFolder } from '../../../services/guard';
import { startQdrant, type QdrantServer } from '../../../services/qdrant';
import { ask, at, createPlain, snapshotNames } from '../../../services/qdrant-data';
import { connectionTo, filesBelow, temporaryStorage } from '../support';

let server: QdrantServer;
let proxy: FaultyProxy;

beforeAll(async () => {
	server = await startQdrant();
	proxy = await startFaultyProxy(server.url);
});
afterAll(async () => {
	await proxy?.stop();
	await server?.stop();
});
beforeEach(async () => {
	await createPlain(server, 'docs', 300);
});
afterEach(async () => {
	proxy.faults = [];
	for (const name of await snapshotNames(server, 'docs')) await remove(name);
	await ask(server, 'DELETE', at('docs'));
});

const codec = { name: 'none' } as const;
const create = /POST \/collections\/docs\/snapshots/;
const lostAnswer = { kind: 'cutAnswer', afterBytes: 0 } as const;
const refused = { kind: 'status', status: 503, code: 'x' } as const;
const snapshotsOf = 'the snapshot of the collection docs';

async function remove(name: string): Promise<void> {
	await ask(server, 'DELETE', at('docs', `/snapshots/${name}`));
}

/** A backup of docs through the proxy. */
async function run(storage: FolderStorage, more: object = {}) {
	const selection = { names: ['docs'] };
	return await backUpCollections({ connection: { url: proxy.endpoint }, storage, codec, selection, ...more });
}

function ledger(root: string): string[] {
	return filesBelow(root).filter((file) => file.includes('server-snapshots'));
}

/** A snapshot that somebody else asks for. */
async function somebodysSnapshot(): Promise<string> {
	return (await ask<{ name: string }>(server, 'POST', at('docs', '/snapshots?wait=true'))).name;
}

/** Changes the only entry of the ledger. */
function editEntry(root: string, change: object): void {
	const [file = ''] = ledger(root);
	const path = join(root, file);
	writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, 'utf8')) as object), ...change }));
}

describe('a snapshot that a run left on the server', () => {
	it('is removed by the next run where the server had told its name; snapshots of others stay', async () => {
		const theirs = await somebodysSnapshot();
		await sleep(1100);
		const { storage, root } = temporaryStorage();
		proxy.faults = [{ when: /DELETE \/collections\/docs\/snapshots/, times: 1, act: refused }];
		const first = await run(storage);
		expect(first.warnings).toEqual([expect.stringContaining('the next backup into the same storage tries again')]);
		const [left] = (await snapshotNames(server, 'docs')).filter((name) => name !== theirs);
		expect(ledger(root)).toHaveLength(1);
		const second = await run(storage);
		expect(second).toMatchObject({ removedSnapshots: [left], warnings: [] });
		expect(await snapshotNames(server, 'docs')).toEqual([theirs]);
		expect(ledger(root)).toEqual([]);
	});

	it('is left where somebody else has replaced it by one of the same name', async () => {
		const { storage, root } = temporaryStorage();
		proxy.faults = [{ when: /DELETE \/collections\/docs\/snapshots/, times: 1, act: refused }];
		await run(storage);
		const [left = ''] = await snapshotNames(server, 'docs');
		editEntry(root, { checksum: '0'.repeat(64) });
		const second = await run(storage);
		expect(second).toMatchObject({ removedSnapshots: [], warnings: [expect.stringContaining(`${left} on `)] });
		expect(await snapshotNames(server, 'docs')).toEqual([left]);
		expect(ledger(root)).toEqual([]);
	});

	it('is named once and left where the answer with its name was lost', async () => {
		const { storage, root } = temporaryStorage();
		proxy.faults = [{ when: create, times: 1, act: lostAnswer }];
		const first = await run(storage);
		expect(first.failures).toMatchObject([{ error: { code: 'SOURCE_UNREACHABLE' } }]);
		expect(first.warnings).toEqual([expect.stringMatching(`still makes ${snapshotsOf} is not known`)]);
		await expect.poll(() => snapshotNames(server, 'docs')).toHaveLength(1);
		const [left = ''] = await snapshotNames(server, 'docs');
		const second = await run(storage);
		expect(second).toMatchObject({ failures: [], removedSnapshots: [] });
		expect(second.warnings).toEqual([expect.stringMatching(`may have left ${left} of .*Delete Server Snapshots`)]);
		expect(await snapshotNames(server, 'docs')).toEqual([left]);
		expect(await run(storage)).toMatchObject({ failures: [], warnings: [] });
		expect(ledger(root)).toEqual([]);
	});

	it('is never one of somebody else, although a request of ours that never arrived was sent at that moment', async () => {
		const { storage } = temporaryStorage();
		proxy.faults = [{ when: create, times: 1, act: { kind: 'status', status: 502, code: 'x' } }];
		const [first, theirs] = await Promise.all([run(storage), somebodysSnapshot()]);
		expect(first.failures).toHaveLength(1);
		const second = await run(storage);
		expect(second).toMatchObject({ failures: [], removedSnapshots: [] });
		expect(await snapshotNames(server, 'docs')).toContain(theirs);
	});

	it('is waited for over the next runs where the server goes on after the answer was lost', async () => {
		const { storage, root } = temporaryStorage();
		proxy.faults = [{ when: create, times: 1, act: { kind: 'status', status: 504, code: 'x' } }];
		await run(storage);
		// Nothing is there yet.
		expect(await run(storage)).toMatchObject({ failures: [], warnings: [] });
		expect(ledger(root)).toHaveLength(1);
		await sleep(1100);
		const late = await somebodysSnapshot();
		expect((await run(storage)).warnings).toEqual([expect.stringContaining(late)]);
		expect(ledger(root)).toEqual([]);
	});

	it('is not waited for longer than a week', async () => {
		const { storage, root } = temporaryStorage();
		proxy.faults = [{ when: create, times: 1, act: { kind: 'status', status: 504, code: 'x' } }];
		await run(storage);
		editEntry(root, { askedAt: '2020-01-01T00:00:00.000Z' });
		expect(await run(storage)).toMatchObject({ failures: [], warnings: [] });
		expect(ledger(root)).toEqual([]);
	});

	it('because its collection was deleted meanwhile is told, and removed once there is one of that name', async () => {
		const root = temporaryFolder('backups');
		const storage = new (class extends FolderStorage {
			override async write(key: string, source: AsyncIterable<Uint8Array>, options?: WriteOptions) {
				await ask(server, 'DELETE', at('docs'));
				return await super.write(key, source, options);
			}
		})({ root });
		const first = await run(storage);
		const [file = ''] = filesBelow(join(server.folder, 'snapshots', 'docs')).filter((name) =>
			name.endsWith('.snapshot'),
		);
		expect(first.warnings).toEqual([expect.stringMatching(`was deleted during the backup; the file ${file} `)]);
		expect(ledger(root)).toHaveLength(1);
		await createPlain(server, 'docs', 10);
		expect(await run(new FolderStorage({ root }))).toMatchObject({ removedSnapshots: [file], warnings: [] });
		expect(await snapshotNames(server, 'docs')).toEqual([]);
		expect(ledger(root)).toEqual([]);
	});

	it('is found on a server that has no collections any more, or had none yet', async () => {
		const empty = await startQdrant();
		const through = await startFaultyProxy(empty.url);
		const connection = { url: through.endpoint };
		const { storage, root } = temporaryStorage();
		for (const change of ['PUT', 'DELETE']) {
			through.faults = [{ when: /DELETE \/snapshots/, times: 1, act: refused }];
			const { warnings } = await backUpStorage({ connection, storage, codec });
			expect(warnings).toEqual([expect.stringContaining('could not be removed')]);
			expect(await ask(empty, 'GET', '/snapshots')).toHaveLength(1);
			await ask(empty, change, at('some'), change === 'PUT' ? {} : undefined);
			await backUpStorage({ connection, storage, codec });
			expect(await ask(empty, 'GET', '/snapshots')).toEqual([]);
			expect(ledger(root)).toEqual([]);
		}
		await through.stop();
		await empty.stop();
	});
});

it('tells a damaged entry once and keeps it aside', async () => {
	const { storage, root } = temporaryStorage();
	const folder = join(root, 'qdrant', 'server-snapshots');
	mkdirSync(folder, { recursive: true });
	const theirs = await somebodysSnapshot();
	const time = '2026-01-31T02:00:00.000Z';
	const entry = { server: proxy.endpoint, peerId: '0', present: [], host: 'x', pid: 1, askedAt: time, enteredAt: time };
	const elsewhere = JSON.stringify({ ...entry, collection: '..', name: theirs });
	const notUploaded = JSON.stringify({ ...entry, collection: 'docs', name: theirs, isUpload: true });
	for (const [number, content] of [
		'garbage',
		'{"server":1}',
		'null',
		'\ufffd\u0000',
		elsewhere,
		notUploaded,
	].entries()) {
		writeFileSync(join(folder, `${number}.json`), content);
	}
	const first = await run(storage);
	expect(first.failures).toEqual([]);
	expect(first.warnings).toHaveLength(6);
	expect(first.removedSnapshots).toEqual([]);
	for (const warning of first.warnings)
		expect(warning).toMatch(/is kept as qdrant\/server-snapshots\/.*\.json\.damaged/);
	expect(ledger(root)).toHaveLength(6);
	expect(await run(storage)).toMatchObject({ failures: [], warnings: [] });
	expect(await snapshotNames(server, 'docs')).toEqual([theirs]);
});

describe('a collection whose strict mode lets nobody count', () => {
	it.each([{ search_allow_exact: false }, { read_rate_limit: 1 }])('is backed up all the same: %j', async (mode) => {
		await ask(server, 'PATCH', at('docs'), { strict_mode_config: { enabled: true, ...mode } });
		const { storage } = temporaryStorage();
		const { backups, failures } = await run(storage, { connection: connectionTo(server) });
		expect(failures).toEqual([]);
		expect(backups).toMatchObject([{ counts: { points: 300 }, source: { points: { estimated: true } } }]);
		expect(backups[0]?.warnings).toEqual([expect.stringContaining("the server's own estimate")]);
	});
});
