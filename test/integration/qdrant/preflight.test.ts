import { createHmac } from 'node:crypto';

import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';

import { checkQdrantSetup } from '../../../engine/qdrant';
import { type QdrantServer, startQdrant } from '../../services/qdrant';
import { createPlain } from '../../services/qdrant-data';

let server: QdrantServer;
beforeAll(async () => void (server = await startQdrant()));
afterAll(() => server?.stop());

const bad = async () => (await checkQdrantSetup({ url: server.url })).filter(({ level }) => level !== 'ok');

it('a strict mode that lets points not be counted is told, and its remedy makes that vanish', async () => {
	await createPlain(server, 'docs', 10);
	expect(await bad()).toEqual([]);
	const patched = await fetch(`${server.url}/collections/docs`, {
		method: 'PATCH',
		headers: { 'content-type': 'application/json' },
		body: JSON.stringify({ strict_mode_config: { enabled: true, search_allow_exact: false } }),
	});
	expect(patched.status).toBe(200);
	const [found] = await bad();
	expect(found).toMatchObject({ level: 'warning', about: 'docs', affects: 'backup' });
	expect(found!.what).toContain('strict mode');
	// The remedy as it stands, without what is for servers with a key.
	const [, url = '', body = ''] = /^curl -X PATCH (\S+) .*-d '([^']+)'/.exec(found!.remedy!) ?? [];
	const mended = await fetch(url, { method: 'PATCH', headers: { 'content-type': 'application/json' }, body });
	expect(mended.status).toBe(200);
	expect(await bad()).toEqual([]);
});

it('a token that expires, that is for single collections, or that only reads is told, with what to put in its place', async () => {
	const apiKey = 'the key that signs tokens, long enough';
	const guarded = await startQdrant({ apiKey, tokens: true });
	onTestFinished(() => guarded.stop());
	const token = (payload: object) => {
		const [head, body] = [{ alg: 'HS256', typ: 'JWT' }, payload].map((part) =>
			Buffer.from(JSON.stringify(part)).toString('base64url'),
		);
		return `${head}.${body}.${createHmac('sha256', apiKey).update(`${head}.${body}`).digest('base64url')}`;
	};
	const found = async (payload: object) =>
		(await checkQdrantSetup({ url: guarded.url, apiKey: token(payload) })).filter(({ level }) => level !== 'ok');
	const inDays = (days: number) => Math.round(Date.now() / 1000) + days * 86_400;
	expect(await found({ access: 'm', exp: inDays(30) })).toEqual([]);
	expect(await found({ access: 'm', exp: inDays(3) })).toMatchObject([
		{ check: 'API Key', level: 'warning', what: expect.stringMatching(/expires at/) },
	]);
	expect(await found({ access: 'm', exp: inDays(-1) })).toMatchObject([
		{ check: 'API Key', level: 'problem', what: expect.stringMatching(/expired at/) },
	]);
	const remedy = expect.stringMatching(/a token \(JWT\) with the access "m"/) as string;
	expect(await found({ access: [{ collection: 'docs', access: 'rw' }] })).toMatchObject([
		{ check: 'API Key', level: 'problem', what: expect.stringMatching(/single collections \(docs: rw\)/), remedy },
	]);
	expect(await found({ access: 'r' })).toMatchObject([{ check: 'API Key', level: 'problem', remedy }]);
});
