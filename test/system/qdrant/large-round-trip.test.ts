import { afterAll, beforeAll, expect, it } from 'vitest';

import { backUp, restore } from '../../integration/qdrant/support';
import { startQdrant, type QdrantServer } from '../../services/qdrant';
import { ask, at, contentHash, fill, plainShape } from '../../services/qdrant-data';

let server: QdrantServer;
let other: QdrantServer;

beforeAll(async () => {
	[server, other] = await Promise.all([startQdrant({ onDisk: true }), startQdrant({ onDisk: true })]);
});
afterAll(async () => {
	await Promise.all([server?.stop(), other?.stop()]);
});

it('a collection of 200,000 points comes back as it was', async () => {
	await ask(server, 'PUT', at('large'), { vectors: { size: 16, distance: 'Cosine', on_disk: true } });
	await fill(server, 'large', plainShape(16), { count: 200_000, batch: 5000 });
	const progress: number[] = [];
	const backup = await backUp(server, 'large', { onProgress: ({ bytes }) => progress.push(bytes) });
	expect(progress.at(-1)).toBe(backup.manifest.size.raw);
	const report = await restore(other, backup, { type: 'newCollection', collection: 'large' });
	expect(report).toMatchObject({ points: 200_000, expectedPoints: 200_000, warnings: [] });
	expect(await contentHash(other, 'large')).toBe(await contentHash(server, 'large'));
});
