import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { type FaultyProxy, startFaultyProxy } from '../../../services/faultyProxy';
import { startQdrant, type QdrantServer } from '../../../services/qdrant';
import { ask, at, contentHash, createPlain } from '../../../services/qdrant-data';
import { startInterceptor } from '../interceptor';
import { backUp, connectionTo, failure, filesBelow, restore, type Backup } from '../support';

// Whatever goes wrong, the target ends up as it was: collections, contents, aliases, files on the server's disk.

let server: QdrantServer;
let proxy: FaultyProxy;
let backup: Backup;
/** Whoever lost a server, or its answer, asks for seconds otherwise what has become of it. */
const timeouts = { settle: 2000, pause: 50 };

beforeAll(async () => {
	server = await startQdrant();
	proxy = await startFaultyProxy(server.url);
	await createPlain(server, 'docs', 4000, 64);
	backup = await backUp(server, 'docs');
	await ask(server, 'DELETE', at('docs'));
});
afterAll(async () => {
	await proxy?.stop();
	await server?.stop();
});

let before: object;
beforeEach(async () => {
	await createPlain(server, 'target', 70, 64);
	const actions = [{ create_alias: { alias_name: 'live', collection_name: 'target' } }];
	await ask(server, 'POST', '/collections/aliases', { actions });
	before = await everything(server);
});
afterEach(async () => {
	proxy.faults = [];
	const { collections } = await ask<{ collections: { name: string }[] }>(server, 'GET', '/collections');
	for (const { name } of collections) await ask(server, 'DELETE', at(name));
});

async function everything(of: QdrantServer): Promise<object> {
	const { collections } = await ask<{ collections: { name: string }[] }>(of, 'GET', '/collections');
	const names = collections.map(({ name }) => name).sort();
	const hashes = await Promise.all(names.map(async (name) => [name, await contentHash(of, name)]));
	const { aliases } = await ask<{ aliases: { alias_name: string }[] }>(of, 'GET', '/aliases');
	aliases.sort((a, b) => (a.alias_name < b.alias_name ? -1 : 1));
	const files = filesBelow(join(of.folder, 'snapshots')).filter((file) => !file.endsWith('.checksum'));
	return { hashes, aliases, files };
}

const fresh = { type: 'newCollection', collection: 'fresh' } as const;
const over = { type: 'existing', collection: 'target', confirmation: 'target' } as const;
const swap = { type: 'safeSwap', collection: 'target', confirmation: 'target' } as const;
const aliasSwap = { type: 'safeSwap', collection: 'live', confirmation: 'live' } as const;
const targets = [fresh, over, swap, aliasSwap];
const connection = () => ({ url: proxy.endpoint, timeouts });

describe.each(targets)('a restore by $type of $collection', (target) => {
	it('whose upload is cut off', async () => {
		proxy.faults = [{ when: /snapshots\/upload/, times: 1, act: { kind: 'cutUpload', afterBytes: 300_000 } }];
		await failure(restore(server, backup, target, { connection: connection() }), 'TARGET_UNREACHABLE');
		// The server removes what has come of the upload once it sees that the connection is gone.
		await expect.poll(() => everything(server)).toEqual(before);
	});

	it('that is cancelled during the upload', async () => {
		const controller = new AbortController();
		const onProgress = () => controller.abort();
		await failure(restore(server, backup, target, { onProgress, signal: controller.signal }), 'CANCELLED');
		await expect.poll(() => everything(server)).toEqual(before);
	});
});

describe.each([fresh, swap, aliasSwap])('a restore by $type of $collection', (target) => {
	it('that is cancelled as the server begins to take the upload in', async () => {
		const controller = new AbortController();
		const onProgress = ({ bytes, totalBytes }: { bytes: number; totalBytes: number }) =>
			void (bytes === totalBytes && controller.abort());
		await failure(restore(server, backup, target, { onProgress, signal: controller.signal }), 'CANCELLED');
		await expect.poll(() => everything(server)).toEqual(before);
	});

	it('that is cancelled as the server has taken the upload in', async () => {
		const controller = new AbortController();
		const interceptor = await startInterceptor(server.url);
		onTestFinished(() => interceptor.stop());
		interceptor.treat = (line) => (/\/snapshots\/upload$/.test(line) ? { after: () => controller.abort() } : undefined);
		const choices = { connection: interceptor, signal: controller.signal };
		await failure(restore(server, backup, target, choices), 'CANCELLED');
		await expect.poll(() => everything(server)).toEqual(before);
	});
});

it.each([fresh, over])(
	'tells what is there where the server dies during a restore by $type, and changes nothing that was',
	async (target) => {
		const mortal = await startQdrant();
		await createPlain(mortal, 'target', 70, 64);
		const was = await contentHash(mortal, 'target');
		let killed: Promise<void> | undefined;
		const onProgress = ({ bytes, totalBytes }: { bytes: number; totalBytes: number }) =>
			void (bytes === totalBytes && (killed ??= mortal.kill()));
		const run = restore(mortal, backup, target, { connection: { ...connectionTo(mortal), timeouts }, onProgress });
		const { message } = await failure(run, 'TARGET_UNREACHABLE');
		await killed;
		await mortal.restart();
		expect(await contentHash(mortal, 'target')).toBe(was);
		const { collections } = await ask<{ collections: { name: string }[] }>(mortal, 'GET', '/collections');
		const made = target.type === 'newCollection' ? ['fresh'] : [];
		expect(collections.map(({ name }) => name).sort()).toEqual([...made, 'target']);
		expect(message).toMatch(
			made.length > 0
				? /collection fresh could not be removed|may have restored the collection fresh/
				: /target holds its old points, or already those/,
		);
		await mortal.stop();
	},
);
