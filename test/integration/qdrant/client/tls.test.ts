import https from 'node:https';
import { json } from 'node:stream/consumers';
import tls from 'node:tls';

import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';

import { backUpCollections, checkQdrant } from '../../../../engine/qdrant';
import { createAuthority } from '../../../services/certificates';
import { startQdrant, type QdrantServer } from '../../../services/qdrant';
import { backUp, connectionTo, failure, filesBelow, restore, temporaryStorage } from '../support';

const authority = createAuthority();
const builtIn = tls.getCACertificates('default');
let server: QdrantServer;

beforeAll(async () => {
	server = await startQdrant({ tls: authority.issue('localhost') });
});
afterAll(() => server?.stop());
afterEach(() => tls.setDefaultCACertificates(builtIn));

it('talks https to a server whose issuer is trusted, and restores what it has backed up', async () => {
	tls.setDefaultCACertificates([...builtIn, authority.ca]);
	await call('PUT', '/collections/docs', { vectors: { size: 2, distance: 'Dot' } });
	const points = Array.from({ length: 500 }, (_, id) => ({ id, vector: [id, 1], payload: { text: `point ${id}` } }));
	await call('PUT', '/collections/docs/points?wait=true', { points });
	const backup = await backUp(server, 'docs');
	const report = await restore(server, backup, { type: 'newCollection', collection: 'again' });
	expect(report).toMatchObject({ points: 500, warnings: [], sampleSearch: 'passed' });
	expect(await call('POST', '/collections/again/points/count', { exact: true })).toMatchObject({ count: 500 });
});

it('says what to do about a certificate that nobody trusts, and sends it no key', async () => {
	const connection = { ...connectionTo(server), apiKey: 'secret key' };
	const told = await failure(checkQdrant(connection), 'SOURCE_UNREACHABLE');
	expect(told.message).toContain('certificate');
	expect(told.hint).toContain('NODE_EXTRA_CA_CERTS');
	const { storage, root } = temporaryStorage();
	await failure(backUpCollections({ connection, storage, codec: { name: 'zstd' } }), 'SOURCE_UNREACHABLE');
	expect(filesBelow(root)).toEqual([]);
});

async function call(method: string, path: string, body: object): Promise<unknown> {
	const { result } = (await new Promise<object>((resolve, reject) => {
		const sent = https.request(server.url + path, { method, headers: { 'content-type': 'application/json' } });
		sent.on('error', reject).on('response', (answer) => {
			json(answer).then((told) => resolve(told as object), reject);
		});
		sent.end(JSON.stringify(body));
	})) as { result: unknown };
	return result;
}
