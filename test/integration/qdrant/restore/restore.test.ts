import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { collectionSource, foreignSnapshot, remoteSnapshot, restoreCollection } from '../../../../engine/qdrant';
import { tarEnd, tarHeader } from '../../../../engine/tar';
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
import { altered, backUp, connectionTo, failure, filesBelow, restore, type Backup } from '../support';

let server: QdrantServer;
/** Of a collection `docs` with 300 points and the alias `live`. */
let backup: Backup;
let wanted: string;

beforeAll(async () => {
	server = await startQdrant();
	await createPlain(server, 'docs', 300);
	await alias('live', 'docs');
	wanted = await contentHash(server, 'docs');
	backup = await backUp(server, 'docs');
});
afterAll(async () => await server?.stop());

/** What the server holds: collections with their content, aliases, and files in its snapshot folder. */
async function everything(): Promise<object> {
	const { collections } = await ask<{ collections: { name: string }[] }>(server, 'GET', '/collections');
	const names = collections.map(({ name }) => name).sort();
	const hashes = await Promise.all(names.map(async (name) => [name, await contentHash(server, name)]));
	const { aliases } = await ask<{ aliases: { alias_name: string }[] }>(server, 'GET', '/aliases');
	aliases.sort((a, b) => (a.alias_name < b.alias_name ? -1 : 1));
	const files = filesBelow(join(server.folder, 'snapshots')).filter((file) => !file.endsWith('.checksum'));
	return { hashes, aliases, files };
}

async function alias(name: string, collection: string): Promise<void> {
	const actions = [{ create_alias: { alias_name: name, collection_name: collection } }];
	await ask(server, 'POST', '/collections/aliases', { actions });
}

async function aliasesOf(collection: string): Promise<string[]> {
	const { aliases } = await ask<{ aliases: { alias_name: string }[] }>(server, 'GET', at(collection, '/aliases'));
	return aliases.map(({ alias_name: name }) => name).sort();
}

beforeEach(async () => {
	// `changed` has other points, one index more and an alias of its own.
	await createPlain(server, 'changed', 50);
	await ask(server, 'PUT', at('changed', '/index?wait=true'), { field_name: 'own', field_schema: 'integer' });
	await fill(server, 'changed', plainShape(8), { from: 1000, count: 40 });
	await alias('current', 'changed');
});
afterEach(async () => {
	const { collections } = await ask<{ collections: { name: string }[] }>(server, 'GET', '/collections');
	for (const { name } of collections) if (name !== 'docs') await ask(server, 'DELETE', at(name));
});

describe('over an existing collection', () => {
	it('replaces its points, and says which indexes it kept', async () => {
		const report = await restore(server, backup, { type: 'existing', collection: 'changed', confirmation: 'changed' });
		expect(await contentHash(server, 'changed')).toBe(wanted);
		expect(report.warnings).toEqual([expect.stringContaining('kept payload indexes that the backup has not: own')]);
		expect(await aliasesOf('changed')).toEqual(['current']);
		expect(await snapshotNames(server, 'changed')).toEqual([]);
	});

	it('is refused without the confirmation, by an alias, and where there is none; nothing changes', async () => {
		const before = await everything();
		const over = (collection: string, confirmation: string) =>
			restore(server, backup, { type: 'existing', collection, confirmation });
		await failure(over('changed', 'change'), 'NOT_CONFIRMED');
		expect((await failure(over('current', 'current'), 'INVALID_INPUT')).message).toContain(
			'alias of the collection changed',
		);
		await failure(over('nothing', 'nothing'), 'INVALID_INPUT');
		expect(await everything()).toEqual(before);
	});

	it.each([
		['other vectors', { vectors: { size: 9, distance: 'Cosine' } }],
		['another number of shards', { vectors: { size: 8, distance: 'Cosine' }, shard_number: 2 }],
	])('is refused where it has %s; nothing changes', async (_what, settings) => {
		await ask(server, 'PUT', at('unlike'), settings);
		const before = await everything();
		const target = { type: 'existing', collection: 'unlike', confirmation: 'unlike' } as const;
		const error = await failure(restore(server, backup, target), 'INVALID_INPUT');
		expect(error.message).toMatch(/does not fit the collection unlike: its (vectors|shards) are/);
		expect(await everything()).toEqual(before);
	});
});

describe('into a new collection', () => {
	it('is refused where a collection or an alias has the name', async () => {
		const before = await everything();
		await failure(restore(server, backup, { type: 'newCollection', collection: 'changed' }), 'TARGET_EXISTS');
		await failure(restore(server, backup, { type: 'newCollection', collection: 'current' }), 'TARGET_EXISTS');
		expect(await everything()).toEqual(before);
	});

	it('gives aliases back as asked', async () => {
		await ask(server, 'POST', '/collections/aliases', { actions: [{ delete_alias: { alias_name: 'live' } }] });
		const left = await restore(server, backup, { type: 'newCollection', collection: 'a' });
		expect(left.aliases).toEqual([]);
		const free = await restore(server, backup, { type: 'newCollection', collection: 'b' }, { aliases: 'free' });
		expect(free.aliases).toEqual(['live']);
		const kept = await restore(server, backup, { type: 'newCollection', collection: 'c' }, { aliases: 'free' });
		expect(kept.warnings).toEqual(['The alias live was left with the collection b.']);
		const moved = await restore(server, backup, { type: 'newCollection', collection: 'd' }, { aliases: 'all' });
		expect(moved.aliases).toEqual(['live']);
		expect(await aliasesOf('d')).toEqual(['live']);
		await ask(server, 'DELETE', at('d'));
		await alias('live', 'docs');
	});

	it('waits for the indexes where asked', async () => {
		const check = { waitForIndexes: 60_000 };
		const report = await restore(server, backup, { type: 'newCollection', collection: 'waited' }, { check });
		expect(report).toMatchObject({ status: 'green', sampleSearch: 'passed', points: 300, serverVersion: '1.16.3' });
	});

	it('is refused for a snapshot of a version that the server does not read; nothing is sent', async () => {
		const target = { type: 'newCollection', collection: 'aged' } as const;
		for (const version of ['1.14.9', '1.17.0', '2.16.3', '0.16.0']) {
			await failure(restore(server, altered(backup, { version }), target), 'UNSUPPORTED_VERSION');
		}
		await restore(server, altered(backup, { version: '1.15.9' }), target);
		expect(await countPoints(server, 'aged')).toBe(300);
	});
});

describe('a snapshot of others', () => {
	/** A file as `curl -O` leaves it. */
	async function file(): Promise<string> {
		const plain = await backUp(server, 'docs', { codec: { name: 'none' } });
		return join(plain.root, 'qdrant', plain.manifest.file);
	}

	it('is restored from a stream, and its checksum looked at', async () => {
		const path = await file();
		const description = 'docs.snapshot';
		const open = () => Promise.resolve(createReadStream(path));
		const wrong = foreignSnapshot({ description, open, checksum: 'ab'.repeat(32) });
		await failure(wrong, 'ARCHIVE_CORRUPT');
		const source = await foreignSnapshot({ description, open });
		const target = { type: 'newCollection', collection: 'foreign' } as const;
		const report = await restoreCollection({ connection: connectionTo(server), source, target });
		expect(report.warnings).toEqual(['Nothing says which version of Qdrant made this snapshot.']);
		expect(report).toMatchObject({ points: 300, sampleSearch: 'passed' });
		expect(await contentHash(server, 'foreign')).toBe(wanted);
		const aged = restoreCollection({ connection: connectionTo(server), source, target, snapshotVersion: '1.9.0' });
		await failure(aged, 'UNSUPPORTED_VERSION');
	});

	it('swaps a collection as well', async () => {
		const path = await file();
		const source = await foreignSnapshot({ description: 'x', open: () => Promise.resolve(createReadStream(path)) });
		const target = { type: 'safeSwap', collection: 'changed', confirmation: 'changed' } as const;
		await restoreCollection({ connection: connectionTo(server), source, target });
		expect(await contentHash(server, 'changed')).toBe(wanted);
	});

	it('is not restored over a collection that it does not fit', async () => {
		const path = await file();
		await ask(server, 'PUT', at('unlike'), { vectors: { size: 8, distance: 'Cosine' }, shard_number: 2 });
		await fill(server, 'unlike', plainShape(8), { count: 20 });
		const before = await everything();
		const source = await foreignSnapshot({ description: 'x', open: () => Promise.resolve(createReadStream(path)) });
		const target = { type: 'existing', collection: 'unlike', confirmation: 'unlike' } as const;
		const error = await failure(
			restoreCollection({ connection: connectionTo(server), source, target }),
			'INVALID_INPUT',
		);
		expect(error.message).toContain("its shards are 0, 1, the backup's 0");
		expect(await everything()).toEqual(before);
	});

	it('that is damaged is refused before anything is touched, with what is wrong with it', async () => {
		const whole = readFileSync(await file());
		const cutOff = () => Promise.resolve(Readable.from([whole.subarray(0, whole.length >> 1)]));
		const error = await failure(foreignSnapshot({ description: 'docs.snapshot', open: cutOff }), 'ARCHIVE_CORRUPT');
		expect(error.message).toContain(`The file ends too early, after ${whole.length >> 1} bytes.`);
	});

	it('that is of a shard or of the whole storage is refused', async () => {
		for (const [path, what] of [
			[at('docs', '/shards/0/snapshots'), 'one shard'],
			['/snapshots', 'the whole storage'],
		] as const) {
			const { name } = await ask<{ name: string }>(server, 'POST', path);
			const response = await fetch(`${server.url}${path}/${name}`);
			const bytes = Buffer.from(await response.arrayBuffer());
			const open = () => Promise.resolve(Readable.from([bytes]));
			const { message } = await failure(foreignSnapshot({ description: name, open }), 'INVALID_INPUT');
			expect(message).toContain(`is a snapshot of ${what}`);
			await ask(server, 'DELETE', `${path}/${name}`);
		}
	});

	it('that is none is refused by the server as well, and nothing is left of it', async () => {
		const before = await everything();
		const text = () => Promise.resolve(createReadStream(join(__dirname, '../support.ts')));
		await failure(foreignSnapshot({ description: 'support.ts', open: text }), 'INVALID_INPUT');
		const tar = Buffer.concat([tarHeader('some.txt', 0, new Date(0)), tarEnd()]);
		const open = () => Promise.resolve(Readable.from([tar]));
		await failure(foreignSnapshot({ description: 'some.tar', open }), 'INVALID_INPUT');
		await failure(
			foreignSnapshot({ description: 'none', open: () => Promise.resolve(Readable.from([])) }),
			'INVALID_INPUT',
		);
		const sha256 = createHash('sha256').update(tar).digest('hex');
		const source = {
			description: 'some.tar',
			shape: collectionSource(backup.manifest),
			pieces: [{ size: tar.length, sha256, open: () => Readable.from([tar]) }],
		};
		const into = (target: Parameters<typeof restore>[2]) =>
			failure(restoreCollection({ connection: connectionTo(server), source, target }), 'TARGET_FAILED');
		await into({ type: 'newCollection', collection: 'none' });
		await into({ type: 'existing', collection: 'changed', confirmation: 'changed' });
		await into({ type: 'safeSwap', collection: 'changed', confirmation: 'changed' });
		await into({ type: 'safeSwap', collection: 'current', confirmation: 'current' });
		expect(await everything()).toEqual(before);
	});
});

describe('fetched by the server itself', () => {
	let web: Server;
	let base: string;
	let content: Buffer;
	let plain: Backup;

	beforeAll(async () => {
		plain = await backUp(server, 'docs', { codec: { name: 'none' } });
		content = readFileSync(join(plain.root, 'qdrant', plain.manifest.file));
		web = createServer((request, response) => {
			const found = request.url?.startsWith('/docs.snapshot') === true;
			response.writeHead(found ? 200 : 404).end(found ? content : 'no');
		});
		await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
		base = `http://127.0.0.1:${(web.address() as { port: number }).port}`;
	});
	afterAll(() => void web?.close());

	const into = (source: ReturnType<typeof remoteSnapshot>, collection: string) =>
		restoreCollection({ connection: connectionTo(server), source, target: { type: 'newCollection', collection } });

	it('comes with its checksum', async () => {
		await into(remoteSnapshot(`${base}/docs.snapshot?signature=s3cret`, await plain.open()), 'fetched');
		expect(await contentHash(server, 'fetched')).toBe(wanted);
		const before = await everything();
		const wrong = remoteSnapshot(`${base}/docs.snapshot`, { sha256: 'ab'.repeat(32) });
		expect((await failure(into(wrong, 'fetched2'), 'TARGET_FAILED')).message).toMatch(/checksum mismatch/i);
		expect(await everything()).toEqual(before);
	});

	it.each([
		['a query', '', '?signature=s3cret-of-mine'],
		['a long query', '', `?signature=s3cret-of-mine&padding=${'p'.repeat(600)}`],
		['a password and odd characters', 'user:s3cret-of-mine@', "?sig=s3cret-of-mine|'&x=1"],
		['a fragment', '', '#s3cret-of-mine'],
	])('keeps %s of its URL out of messages', async (_what, user, behind) => {
		const lines: string[] = [];
		const source = remoteSnapshot(`${base.replace('//', `//${user}`)}/gone${behind}`, await plain.open());
		const target = { type: 'newCollection', collection: 'gone' } as const;
		const run = restoreCollection({
			connection: connectionTo(server),
			source,
			target,
			log: (line) => lines.push(line),
		});
		const error = await failure(run, 'TARGET_FAILED');
		expect(error.message).toContain('/gone');
		const cause = error.cause as Error;
		const told = [
			error.message,
			error.stack,
			error.hint,
			error.details,
			cause.message,
			cause.stack,
			cause.cause,
			lines,
		];
		expect(JSON.stringify(told)).not.toContain('s3cret');
	});

	it('without a manifest makes a collection like any other, with nothing left in its metadata', async () => {
		const sha256 = createHash('sha256').update(content).digest('hex');
		await into(remoteSnapshot(`${base}/docs.snapshot`, { sha256 }), 'fetched');
		const { config } = await ask<{ config: { metadata?: object } }>(server, 'GET', at('fetched'));
		expect(config.metadata ?? {}).toEqual({});
		expect(await contentHash(server, 'fetched')).toBe(wanted);
		await failure(into(remoteSnapshot(`${base}/docs.snapshot`, { sha256 }), 'fetched'), 'TARGET_EXISTS');
		await failure(into(remoteSnapshot(`${base}/gone`, { sha256 }), 'gone'), 'TARGET_FAILED');
		await expect(ask(server, 'GET', at('gone'))).rejects.toThrow('404');
	});

	it('is refused where the server could not read it', async () => {
		const reader = await backup.open();
		expect(() => remoteSnapshot(`${base}/x`, reader)).toThrow('cannot read');
		for (const url of ['file:///etc/passwd', 'http://', 'https://x:s3cret/']) {
			expect(() => remoteSnapshot(url, reader)).toThrow('from http:// and https:// URLs only');
		}
	});
});
