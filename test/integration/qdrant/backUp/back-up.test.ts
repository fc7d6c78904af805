import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync, readSync, utimesSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { openArchive, type Manifest } from '../../../../engine/archive';
import { BackupError } from '../../../../engine/errors';
import {
	archiveSource,
	backUpCollections,
	backUpStorage,
	checkQdrant,
	collectionSource,
	listCollections,
	restoreCollection,
} from '../../../../engine/qdrant';
import { FolderStorage, type StoredObject, type WriteOptions } from '../../../../engine/storage';
import { type FaultyProxy, startFaultyProxy } from '../../../services/faultyProxy';
import { temporaryFolder } from '../../../services/guard';
import { startQdrant, type QdrantServer } from '../../../services/qdrant';
import {
	ask,
	at,
	contentHash,
	countPoints,
	createPlain,
	fill,
	plainShape,
	snapshotNames,
} from '../../../services/qdrant-data';
import { intercepted } from '../../retention/proxy';
import { startInterceptor } from '../interceptor';
import { backUp, connectionTo, failure, filesBelow, restore, temporaryStorage } from '../support';

let server: QdrantServer;
let proxy: FaultyProxy;

beforeAll(async () => {
	server = await startQdrant({ apiKey: 'right' });
	proxy = await startFaultyProxy(server.url);
	await createPlain(server, 'docs', 6000, 64);
});
afterAll(async () => {
	await proxy?.stop();
	await server?.stop();
});
afterEach(() => {
	proxy.faults = [];
});

const codec = { name: 'none' } as const;
/** What is tried again is tried soon. */
const timeouts = { pause: 50 };

/** The server as seen through the proxy. */
function throughProxy() {
	return { url: proxy.endpoint, apiKey: 'right', timeouts };
}

/** Files below the storage's root that are no ledger entries. */
function archives(root: string): string[] {
	return filesBelow(root).filter((file) => !file.includes('server-snapshots'));
}

function ledger(root: string): string[] {
	return filesBelow(root).filter((file) => file.includes('server-snapshots'));
}

/** Changes the last byte but 1000 in place. */
function flipByte(path: string): void {
	const file = openSync(path, 'r+');
	try {
		const position = fstatSync(file).size - 1000;
		const byte = Buffer.alloc(1);
		readSync(file, byte, 0, 1, position);
		writeSync(file, Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, position);
	} finally {
		closeSync(file);
	}
}

it('a backup tells the storage how large it will be: to the byte where nothing is compressed', async () => {
	const told: WriteOptions[] = [];
	const run = async (name: 'none' | 'zstd') => {
		const { storage } = temporaryStorage();
		const watched = intercepted(storage, {
			write: (key, source, options = {}) => {
				told.push(options);
				return storage.write(key, source, options);
			},
		});
		const connection = connectionTo(server);
		const { backups } = await backUpCollections({ connection, storage: watched, codec: { name } });
		return backups[0]!.size;
	};
	const plain = await run('none');
	expect(told.at(-1)).toMatchObject({ expectedSize: plain.stored });
	const { raw } = await run('zstd');
	expect(told.at(-1)).toMatchObject({ estimatedSize: raw });
	expect(told.at(-1)).not.toHaveProperty('expectedSize');
});

describe('which collections', () => {
	const run = async (selection: object) => {
		const { storage } = temporaryStorage();
		const result = await backUpCollections({ connection: connectionTo(server), storage, codec, selection });
		expect(result.failures).toEqual([]);
		expect(new Set(result.backups.map(({ runId }) => runId))).toEqual(new Set([result.runId]));
		return result.backups.map(({ name }) => name);
	};

	beforeAll(async () => {
		for (const name of ['logs_1', 'logs_2', 'logs.3']) await ask(server, 'PUT', at(name), {});
	});
	afterAll(async () => {
		for (const name of ['logs_1', 'logs_2', 'logs.3']) await ask(server, 'DELETE', at(name));
	});

	it('are all, some by name or by pattern, under one run id', async () => {
		expect(await run({})).toEqual(['docs', 'logs.3', 'logs_1', 'logs_2']);
		expect(await run({ names: ['logs_2', 'docs'] })).toEqual(['docs', 'logs_2']);
		expect(await run({ patterns: ['logs_?'] })).toEqual(['logs_1', 'logs_2']);
		expect(await run({ exclude: ['logs*'] })).toEqual(['docs']);
		expect(await listCollections(connectionTo(server))).toEqual(['docs', 'logs.3', 'logs_1', 'logs_2']);
	});

	it('must be there', async () => {
		await failure(run({ names: ['missing'] }), 'INVALID_INPUT');
		await failure(run({ patterns: ['missing*'] }), 'INVALID_INPUT');
	});

	it('fail one by one', async () => {
		const body = '{"status":{"error":"Service internal error: broken"},"time":0}';
		const act = { kind: 'status', status: 500, code: 'x', body } as const;
		proxy.faults = [{ when: /POST \/collections\/logs_1\/snapshots/, times: 9, act }];
		const { storage, root } = temporaryStorage();
		const result = await backUpCollections({ connection: throughProxy(), storage, codec });
		expect(result.backups.map(({ name }) => name)).toEqual(['docs', 'logs.3', 'logs_2']);
		expect(result.failures).toMatchObject([{ collection: 'logs_1', error: { code: 'SOURCE_FAILED' } }]);
		expect(ledger(root)).toEqual([]);
	});
});

describe('who asks', () => {
	it.each([{ apiKey: 'wrong' }, {}])('is refused with %j', async (key) => {
		const { storage, files } = temporaryStorage();
		const connection = { url: server.url, ...key };
		const error = await failure(backUpCollections({ connection, storage, codec }), 'ACCESS_DENIED');
		expect(error.message).toMatch(/Invalid API key|Must provide an API key/);
		expect(`${error.message} ${error.hint} ${JSON.stringify(error)}`).not.toContain('wrong');
		expect(files()).toEqual([]);
		await failure(checkQdrant(connection), 'ACCESS_DENIED');
	});

	it('is told when nobody, or somebody else, answers', async () => {
		await failure(checkQdrant({ url: 'http://127.0.0.1:9' }), 'SOURCE_UNREACHABLE');
		await failure(checkQdrant({ url: 'qdrant' }), 'INVALID_INPUT');
		expect(await checkQdrant(connectionTo(server))).toMatchObject({ version: '1.16.3', peers: 1, unreachable: [] });
	});
});

describe('while points are written', () => {
	it('takes a snapshot of some moment, and says that there was writing', async () => {
		await createPlain(server, 'busy', 2000);
		const interceptor = await startInterceptor(server.url);
		onTestFinished(() => interceptor.stop());
		let from = 2000;
		const write = async () => await fill(server, 'busy', plainShape(8), { from: (from += 50) - 50, count: 50 });
		let stopped = false;
		const writing = (async () => {
			while (!stopped) await write();
		})();
		// However the two are timed, some points come after the server has made the snapshot and before we look again.
		interceptor.treat = (line) => (line === 'POST /collections/busy/snapshots' ? { after: write } : undefined);
		const backup = await backUp(server, 'busy', { connection: { url: interceptor.url, apiKey: 'right' } });
		stopped = true;
		await writing;
		const { before, after } = collectionSource(backup.manifest).points;
		expect(after).toBeGreaterThan(before);
		expect(backup.manifest.warnings).toEqual([expect.stringContaining('Points were written meanwhile')]);
		const report = await restore(server, backup, { type: 'newCollection', collection: 'calm' });
		expect(report.points).toBeGreaterThanOrEqual(before);
		expect(report.points).toBeLessThanOrEqual(after);
		for (const name of ['busy', 'calm']) await ask(server, 'DELETE', at(name));
	});
});

describe('a download', () => {
	it('that breaks goes on where it broke', async () => {
		const get = /GET \/collections\/docs\/snapshots\/docs-/;
		proxy.faults = [{ when: get, times: 3, act: { kind: 'cutAnswer', afterBytes: 500_000 } }];
		const lines: string[] = [];
		const backup = await backUp(server, 'docs', { connection: throughProxy(), codec, log: (line) => lines.push(line) });
		// It may break by itself as well, on a machine that is too busy.
		expect(proxy.faults[0]).toMatchObject({ times: 0 });
		const places = lines.flatMap((line) => /broke at byte (\d+) .*going on from there/.exec(line)?.[1] ?? []);
		expect(places.length).toBeGreaterThanOrEqual(3);
		expect(places).toEqual(places.toSorted((a, b) => Number(a) - Number(b)));
		expect(Number(places.at(-1))).toBeGreaterThan(0);
		const content = readFileSync(join(backup.root, 'qdrant', backup.manifest.file));
		expect(createHash('sha256').update(content).digest('hex')).toBe(collectionSource(backup.manifest).snapshot?.sha256);
		expect(await snapshotNames(server, 'docs')).toEqual([]);
	});

	it('never joins two files: where the snapshot was replaced meanwhile it fails', async () => {
		const get = /GET \/collections\/docs\/snapshots\/docs-/;
		proxy.faults = [{ when: get, times: 1, act: { kind: 'cutAnswer', afterBytes: 500_000 } }];
		const { storage, root } = temporaryStorage();
		const replace = (line: string) => {
			const folder = join(server.folder, 'snapshots', 'docs');
			if (line.includes('going on')) for (const file of filesBelow(folder)) utimesSync(join(folder, file), 1, 1);
		};
		const selection = { names: ['docs'] };
		const { failures } = await backUpCollections({
			connection: throughProxy(),
			storage,
			codec,
			selection,
			log: replace,
		});
		expect(failures[0]?.error.message).toContain('it was replaced on the server');
		expect(filesBelow(root)).toEqual([]);
		expect(await snapshotNames(server, 'docs')).toEqual([]);
	});

	it.each([
		['as it is', { codec }],
		['compressed', { codec: { name: 'zstd' } }],
		['encrypted', { codec, encryption: { passphrase: 'long and secret' } }],
	] as const)('of other bytes than the server had hashed fails when they are stored %s', async (_, form) => {
		const { storage, root } = temporaryStorage();
		const folder = join(server.folder, 'snapshots', 'docs');
		const flip = (line: string) => {
			if (!line.startsWith('The server has made')) return;
			for (const file of filesBelow(folder)) if (file.endsWith('.snapshot')) flipByte(join(folder, file));
		};
		const selection = { names: ['docs'] };
		const options = { connection: connectionTo(server), storage, selection, log: flip };
		const { failures } = await backUpCollections({ ...options, ...form });
		expect(failures).toMatchObject([{ error: { code: 'SOURCE_FAILED' } }]);
		expect(failures[0]?.error.message).toMatch(/its SHA-256 is [0-9a-f]{64}, the server reported/);
		expect(filesBelow(root)).toEqual([]);
		expect(await snapshotNames(server, 'docs')).toEqual([]);
	});

	it('that breaks again and again fails, and leaves nothing anywhere', async () => {
		const get = /GET \/collections\/docs\/snapshots\/docs-/;
		proxy.faults = [{ when: get, times: 99, act: { kind: 'status', status: 503, code: 'x' } }];
		const { storage, root } = temporaryStorage();
		const selection = { names: ['docs'] };
		const { failures } = await backUpCollections({ connection: throughProxy(), storage, codec, selection });
		expect(failures).toMatchObject([{ error: { code: 'SOURCE_FAILED' } }]);
		expect(filesBelow(root)).toEqual([]);
		expect(await snapshotNames(server, 'docs')).toEqual([]);
	});

	it('on which the server falls silent goes on as well', async () => {
		const get = /GET \/collections\/docs\/snapshots\/docs-/;
		proxy.faults = [{ when: get, times: 1, act: { kind: 'stall' } }];
		const connection = { ...throughProxy(), timeouts: { ...timeouts, answer: 2000, idle: 2000 } };
		const backup = await backUp(server, 'docs', { connection, codec });
		expect(backup.manifest.counts['points']).toBe(6000);
	});
});

describe('a cancel', () => {
	it.each(['Backing up', 'The server has made'])('after "%s" leaves nothing on either side', async (moment) => {
		const controller = new AbortController();
		const { storage, root } = temporaryStorage();
		const log = (line: string) => void (line.startsWith(moment) && controller.abort());
		const run = backUpCollections({ connection: connectionTo(server), storage, codec, log, signal: controller.signal });
		await failure(run, 'CANCELLED');
		expect(archives(root)).toEqual([]);
		// What the server was still making is removed as soon as it is made.
		await expect.poll(async () => [await snapshotNames(server, 'docs'), ledger(root)]).toEqual([[], []]);
	});

	it('while the server makes the snapshot does not wait for it, and the snapshot goes afterwards', async () => {
		const controller = new AbortController();
		const { storage, root } = temporaryStorage();
		const create = /POST \/collections\/docs\/snapshots/;
		proxy.faults = [{ when: create, times: 1, act: { kind: 'delayAnswer', milliseconds: 1500 } }];
		proxy.requests.length = 0;
		const run = backUpCollections({ connection: throughProxy(), storage, codec, signal: controller.signal });
		await expect.poll(() => proxy.requests.some((line) => create.test(line)), { timeout: 20_000 }).toBe(true);
		controller.abort();
		await failure(run, 'CANCELLED');
		await expect.poll(async () => [await snapshotNames(server, 'docs'), ledger(root)]).toEqual([[], []]);
		expect(filesBelow(root)).toEqual([]);
	});
});

describe('a server that stumbles over writes while it makes a snapshot', () => {
	const error = 'Service internal error: Error while archiving WAL: No such file or directory (os error 2): tmp-open-7';
	const body = JSON.stringify({ status: { error }, time: 0.1 });
	const stumble = (times: number) => {
		const act = { kind: 'status', status: 500, code: '', body } as const;
		proxy.faults = [{ when: /POST \/collections\/docs\/snapshots/, times, act }];
	};

	it('is asked again, and the log counts', async () => {
		stumble(2);
		const lines: string[] = [];
		const log = (line: string) => void lines.push(line);
		const { manifest, root } = await backUp(server, 'docs', { connection: throughProxy(), log });
		expect(manifest.warnings).toEqual([]);
		expect(lines.filter((line) => line.includes('archiving WAL'))).toEqual([
			expect.stringContaining('(attempt 1 of 4)'),
			expect.stringContaining('(attempt 2 of 4)'),
		]);
		expect(ledger(root)).toEqual([]);
	});

	it('fails the backup where it never succeeds', async () => {
		stumble(9);
		const before = proxy.requests.length;
		const { storage, root } = temporaryStorage();
		const { message } = await failure(
			backUp(server, 'docs', { connection: throughProxy(), storage } as object),
			'SOURCE_FAILED',
		);
		expect(message).toContain('archiving WAL');
		const asked = proxy.requests.slice(before).filter((line) => line.startsWith('POST /collections/docs/snapshots'));
		expect(asked).toHaveLength(4);
		expect(filesBelow(root)).toEqual([]);
	});
});

describe('a storage that is full', () => {
	class FullStorage extends FolderStorage {
		override async write(
			key: string,
			source: AsyncIterable<Uint8Array>,
			options?: WriteOptions,
		): Promise<StoredObject> {
			const limited = async function* () {
				let bytes = 0;
				for await (const chunk of source) {
					bytes += chunk.length;
					if (bytes > 400_000) throw new BackupError('STORAGE_FULL', 'The folder is full.');
					yield chunk;
				}
			};
			return await super.write(key, limited(), options);
		}
	}

	it('ends the backup, and the server keeps no snapshot', async () => {
		const root = temporaryFolder('full');
		const storage = new FullStorage({ root });
		const { failures } = await backUpCollections({ connection: connectionTo(server), storage, codec });
		expect(failures).toMatchObject([{ collection: 'docs', error: { code: 'STORAGE_FULL' } }]);
		expect(filesBelow(root)).toEqual([]);
		expect(await snapshotNames(server, 'docs')).toEqual([]);
	});
});

describe('a server that dies', () => {
	it.each(['snapshot', 'download'])(
		'during the %s fails the backup; after its return no snapshot is left',
		async (moment) => {
			const mortal = await startQdrant();
			await createPlain(mortal, 'docs', 20_000, 64);
			const { storage, root } = temporaryStorage();
			let killed: Promise<void> | undefined;
			const kill = () => void (killed ??= mortal.kill());
			const run = backUpCollections({
				connection: { url: mortal.url, timeouts: { ...timeouts, connect: 1000 } },
				storage,
				codec,
				...(moment === 'download' && { onProgress: kill }),
				...(moment === 'snapshot' && {
					log: (line: string) => void (line.startsWith('Backing up') && setTimeout(kill, 30)),
				}),
			});
			const { failures } = await run;
			expect(failures).toMatchObject([{ error: { code: 'SOURCE_UNREACHABLE' } }]);
			expect(archives(root)).toEqual([]);
			await killed;
			await mortal.restart();
			const { backups } = await backUpCollections({ connection: { url: mortal.url }, storage, codec });
			expect(backups).toHaveLength(1);
			expect(await snapshotNames(mortal, 'docs')).toEqual([]);
			// The note of a snapshot whose answer was lost stays: a server may go on making it.
			expect(ledger(root).length).toBeLessThanOrEqual(moment === 'snapshot' ? 1 : 0);
			await mortal.stop();
		},
	);
});

describe('the whole storage', () => {
	it('comes back at the start of an empty server, aliases included, and only there', async () => {
		await ask(server, 'POST', '/collections/aliases', {
			actions: [{ create_alias: { collection_name: 'docs', alias_name: 'current' } }],
		});
		const { storage, root } = temporaryStorage();
		const manifest: Manifest = await backUpStorage({ connection: connectionTo(server), storage, codec });
		expect(manifest).toMatchObject({
			kind: 'qdrant-storage',
			name: 'storage',
			source: { collections: ['docs'], aliases: [{ alias: 'current', collection: 'docs' }] },
		});
		expect(await ask(server, 'GET', '/snapshots')).toEqual([]);
		const file = join(root, 'qdrant', manifest.file);
		const fresh = await startQdrant({ arguments: ['--storage-snapshot', file] });
		expect(await contentHash(fresh, 'current')).toBe(await contentHash(server, 'docs'));
		await fresh.stop();
		const reader = await openArchive(storage, { manifest, folder: 'qdrant' });
		expect(() => archiveSource(reader)).toThrow('a snapshot of a whole storage');
	});
});

describe('a damaged archive', () => {
	it('is never restored, and the target stays as it was', async () => {
		const backup = await backUp(server, 'docs');
		await createPlain(server, 'target', 30, 64);
		const before = await contentHash(server, 'target');
		const damaged = new (class extends FolderStorage {
			override async read(...args: Parameters<FolderStorage['read']>) {
				const stream = await super.read(...args);
				let first = true;
				const flip = async function* () {
					for await (const chunk of stream as AsyncIterable<Buffer>) {
						if (first && args[0].endsWith('.zst')) chunk[chunk.length >> 1]! ^= 1;
						first = false;
						yield chunk;
					}
				};
				const { Readable } = await import('node:stream');
				return Readable.from(flip());
			}
		})({ root: backup.root });
		for (const target of [
			{ type: 'newCollection', collection: 'fresh' } as const,
			{ type: 'existing', collection: 'target', confirmation: 'target' } as const,
			{ type: 'safeSwap', collection: 'target', confirmation: 'target' } as const,
		]) {
			const source = archiveSource(await openArchive(damaged, { manifest: backup.manifest, folder: 'qdrant' }));
			await failure(restoreCollection({ connection: connectionTo(server), source, target }), 'ARCHIVE_CORRUPT');
		}
		expect(await listCollections(connectionTo(server))).toEqual(['docs', 'target']);
		expect(await contentHash(server, 'target')).toBe(before);
		expect(await countPoints(server, 'target')).toBe(30);
		expect(filesBelow(join(server.folder, 'snapshots')).filter((file) => !file.endsWith('.checksum'))).toEqual([]);
		await ask(server, 'DELETE', at('target'));
	});
});
