import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http, { Agent, createServer, type RequestListener, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { BackupError } from '../../../../engine/errors';
import {
	backUpCollections,
	checkQdrant,
	listCollections,
	remoteSnapshot,
	restoreCollection,
} from '../../../../engine/qdrant';
import { QdrantClient } from '../../../../engine/qdrant/client/client';
import { snapshotForm } from '../../../../engine/qdrant/client/multipart';
import { fingerprint, matchNow } from '../../../../engine/qdrant/restore/swap/fingerprint';
import { type FaultyProxy, startFaultyProxy } from '../../../services/faultyProxy';
import { startQdrant, type QdrantServer } from '../../../services/qdrant';
import { createPlain } from '../../../services/qdrant-data';
import { connectionTo, failure, temporaryStorage } from '../support';

let server: QdrantServer;
let proxy: FaultyProxy;
const others: Server[] = [];

beforeAll(async () => {
	server = await startQdrant();
	proxy = await startFaultyProxy(server.url);
	await createPlain(server, 'docs', 50);
});
afterAll(async () => {
	for (const other of others) other.close();
	await proxy?.stop();
	await server?.stop();
});
afterEach(() => {
	proxy.faults = [];
});

/** Something else than Qdrant. */
async function somebodyElse(answer: RequestListener): Promise<string> {
	const other = createServer(answer).listen(0, '127.0.0.1');
	others.push(other);
	await once(other, 'listening');
	return `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
}

describe('what is not a Qdrant server', () => {
	it.each<[string, number, string]>([
		['a web page', 200, '<html>Log in</html>'],
		['a missing web page', 404, '<html>Not found</html>'],
		['nothing there', 404, ''],
		['an empty object', 200, '{}'],
		['null', 200, 'null'],
		['an array', 200, '[]'],
		['a result that is none', 200, '{"result":true}'],
		['a redirect', 301, 'moved'],
	])('is told as such: %s', async (_what, status, body) => {
		const url = await somebodyElse((_request, response) => response.writeHead(status, { location: '/x' }).end(body));
		const { storage, files } = temporaryStorage();
		const run = backUpCollections({ connection: { url, apiKey: 'KEYKEY' }, storage, codec: { name: 'none' } });
		const error = await failure(run, 'INVALID_INPUT');
		expect(error.message).toMatch(/^What answers at .* is not a Qdrant server: /);
		expect(error.hint).toContain('6333');
		expect(files()).toEqual([]);
		await failure(checkQdrant({ url }), 'INVALID_INPUT');
		const listing = await failure(listCollections({ url }), 'SOURCE_FAILED');
		expect(listing.hint).toContain('seems to be no Qdrant server');
	});

	it('is told as such: the gRPC port, and https where there is only http', async () => {
		const config = JSON.parse(readFileSync(join(server.folder, 'config.yaml'), 'utf8')) as {
			service: { grpc_port: number };
		};
		const grpc = await checkQdrant({ url: `http://127.0.0.1:${config.service.grpc_port}` }).catch(
			(error: unknown) => error,
		);
		expect(grpc).toMatchObject({
			name: 'BackupError',
			hint: expect.stringMatching(/6334 is gRPC|server's address/) as string,
		});
		const { message } = await failure(checkQdrant({ url: server.url.replace('http:', 'https:') }), 'INVALID_INPUT');
		expect(message).toContain('does not speak TLS');
	});
});

describe('an answer that is none of Qdrant, from a proxy before it', () => {
	const calls: [string, RegExp, (client: QdrantClient) => Promise<unknown>][] = [
		['cluster', /GET \/cluster/, (client) => client.cluster()],
		['collections', /GET \/collections/, (client) => client.collections()],
		['aliases', /GET \/aliases/, (client) => client.aliases()],
		['collection', /GET \/collections\/docs/, (client) => client.collection('docs')],
		['collectionExists', /GET \/collections\/docs/, (client) => client.collectionExists('docs')],
		['collectionCluster', /GET \/collections\/docs/, (client) => client.collectionCluster('docs')],
		['count', /POST \/collections\/docs/, (client) => client.count('docs')],
		['somePoints', /POST \/collections\/docs/, (client) => client.somePoints('docs', 1)],
		['search', /POST \/collections\/docs/, (client) => client.search('docs', { query: 1 })],
		['createSnapshot', /POST \/collections\/docs/, (client) => client.snapshots.create({ collection: 'docs' })],
		['snapshots', /GET \/collections\/docs/, (client) => client.snapshots.list({ collection: 'docs' })],
		['deleteSnapshot', /DELETE \/collections\/docs/, (client) => client.snapshots.delete({ collection: 'docs' }, 'x')],
		['deleteCollection', /DELETE \/collections\/docs/, (client) => client.deleteCollection('docs')],
	];
	it.each(calls)('fails the call %s with a BackupError', async (_name, when, call) => {
		const client = new QdrantClient({ url: proxy.endpoint }, 'source');
		for (const body of ['{}', 'null', '[]', '5', '{"result":null,"status":"accepted"}', '{"result":5}', '<html>']) {
			proxy.faults = [{ when, times: 1, act: { kind: 'status', status: 200, code: '', body } }];
			const error = await failure(call(client), 'SOURCE_FAILED');
			expect(`${error.message} ${error.hint}`).toMatch(/not one of Qdrant|did not come from Qdrant/);
		}
	});
});

it('asks through a proxy where all connections of the process do', async () => {
	class ProxyAgent extends Agent {
		override createConnection() {
			return connect(Number(new URL(server.url).port), '127.0.0.1');
		}
	}
	const agent = http.globalAgent;
	http.globalAgent = new ProxyAgent();
	try {
		expect(await listCollections({ url: 'http://qdrant.invalid:6333' })).toEqual(['docs']);
	} finally {
		http.globalAgent = agent;
	}
});

it('finds points whose ids and numbers no number of JavaScript can hold', async () => {
	const client = new QdrantClient(connectionTo(server), 'target');
	await client.createCollection('large', { vectors: { size: 2, distance: 'Dot' }, metadata: { big: 2n ** 63n } });
	const point = '{"points":[{"id":18446744073709551615,"vector":[1,1e20],"payload":{"n":9007199254740993}}]}';
	await fetch(`${server.url}/collections/large/points?wait=true`, {
		method: 'PUT',
		headers: { 'content-type': 'application/json' },
		body: point,
	});
	const query = { filter: { must: [{ has_id: [2n ** 64n - 1n] }] }, with_payload: true, with_vector: true };
	const found = await client.search('large', query);
	expect(found).toMatchObject([{ id: 2n ** 64n - 1n, payload: { n: 9007199254740993n } }]);
	const fingerprints = { ids: [2n ** 64n - 1n], fresh: { points: new Map<string, string>(), count: 0 } };
	const old = await fingerprint(client, 'large', fingerprints.ids);
	expect([...old.points.keys()]).toEqual(['18446744073709551615']);
	expect(await matchNow(client, 'large', { ...fingerprints, old })).toBe('old');
	// Settings go into manifests, which are JSON.
	expect((await client.collection('large')).config.metadata).toEqual({ big: '9223372036854775808' });
	await client.deleteCollection('large');
});

describe('an upload whose source fails', () => {
	const upload = async (error: Error) => {
		const client = new QdrantClient({ url: proxy.endpoint }, 'target');
		const content = async function* () {
			yield Buffer.alloc(1000);
			await Promise.resolve();
			throw error;
		};
		const body = snapshotForm('x.snapshot', 5000, content());
		await client.snapshots.upload({ collection: 'docs' }, 'a'.repeat(64), body);
	};

	it("fails with the source's own error, not with one of the server", async () => {
		await failure(upload(new BackupError('STORAGE_UNREACHABLE', 'The bucket is gone.')), 'STORAGE_UNREACHABLE');
		await failure(upload(new BackupError('ARCHIVE_CORRUPT', 'It is damaged.')), 'ARCHIVE_CORRUPT');
		const { message } = await failure(upload(new Error('socket hang up')), 'STORAGE_FAILED');
		expect(message).toContain('socket hang up');
	});

	it('does so where the server answers first', async () => {
		const act = { kind: 'status', status: 500, code: '', body: 'Unexpected end of the form' } as const;
		proxy.faults = [{ when: /POST/, times: 1, act }];
		await failure(upload(new BackupError('STORAGE_UNREACHABLE', 'The bucket is gone.')), 'STORAGE_UNREACHABLE');
	});
});

it('an upload that a proxy answers by a web page, and OK, is not taken for a restore', async () => {
	const act = { kind: 'status', status: 200, code: '', body: '<html>Log in</html>' } as const;
	proxy.faults = [{ when: /POST/, times: 1, act }];
	const client = new QdrantClient({ url: proxy.endpoint }, 'target');
	const content = (async function* () {
		yield await Promise.resolve(Buffer.alloc(5000));
	})();
	const body = snapshotForm('x.snapshot', 5000, content);
	const upload = client.snapshots.upload({ collection: 'docs' }, 'a'.repeat(64), body);
	expect((await failure(upload, 'TARGET_FAILED')).message).toContain('a web page, so it did not come from Qdrant');
});

it('an upload whose connection breaks fails with that, not as if the backup could not be read', async () => {
	proxy.faults = [{ when: /POST/, times: 1, act: { kind: 'cutUpload', afterBytes: 100_000 } }];
	const content = async function* () {
		for (let sent = 0; sent < 50; sent++) {
			yield Buffer.alloc(1_000_000);
			await sleep(1);
		}
	};
	const client = new QdrantClient({ url: proxy.endpoint }, 'target');
	const body = snapshotForm('x.snapshot', 50_000_000, content());
	await failure(client.snapshots.upload({ collection: 'docs' }, 'a'.repeat(64), body), 'TARGET_UNREACHABLE');
});

it('tells no signature of a URL that the server repeats in a message', async () => {
	const url = `http://127.0.0.1:9/x.snapshot?pad=${'p'.repeat(440)}&X-Amz-Signature=TOPSECRET&more=${'q'.repeat(300)}`;
	const source = remoteSnapshot(url, { sha256: 'a'.repeat(64) });
	const run = restoreCollection({
		connection: connectionTo(server),
		source,
		target: { type: 'newCollection', collection: 'fetched' },
	});
	const error = await failure(run, 'TARGET_FAILED');
	const all = [error, error.cause, (error.cause as Error).cause].map((one) => `${String(one)} ${JSON.stringify(one)}`);
	expect(all.join(' ')).not.toMatch(/TOPS|pppp|Signature/);
	expect(error.message).toContain('/x.snapshot');
});
