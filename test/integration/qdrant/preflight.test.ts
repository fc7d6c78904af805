import { afterAll, beforeAll, expect, it } from 'vitest';

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
