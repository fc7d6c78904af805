import { expect, it } from 'vitest';

import { BackupError } from '../../../../../engine/errors';
import { ask, at, contentHash, createPlain, fill } from '../../../../services/qdrant-data';
import { everythingOn, giveAlias, removeCollections, restore } from '../../support';
import { backup, proxy, safeSwapOf, server, setUpStage, wanted } from './stage';

// A swap is cancelled before each request that changes something, one after the other: it ends as if it had never been, or has
// succeeded.

setUpStage();

async function prepare(): Promise<void> {
	await removeCollections(server);
	await createPlain(server, 'fits', 40);
	await giveAlias(server, 'live', 'fits');
	await ask(server, 'PUT', at('unlike'), { vectors: { size: 3, distance: 'Dot' }, shard_number: 2 });
	await fill(server, 'unlike', { vector: () => [1, 2, 3] }, { count: 10 });
	await giveAlias(server, 'other', 'unlike');
}

/** Names with the time of a run in them differ from run to run. */
const timeless = (line: string) =>
	line.replace(/\d{8}_\d{6}|\d{4}(-\d\d){5}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '*');

it.each(['live', 'fits', 'unlike'])('a swap of %s', { timeout: 120_000 }, async (name) => {
	const target = safeSwapOf(name);
	await prepare();
	proxy.requests.length = 0;
	await restore(server, backup, target, { connection: proxy });
	const steps = [...new Set(proxy.requests.map(timeless))].filter((line) => !/^GET|\/points\//.test(line));
	const outcomes = new Set<string>();
	for (const step of steps) {
		await prepare();
		const before = await everythingOn(server);
		const controller = new AbortController();
		proxy.treat = (line) => (timeless(line) === step ? { before: () => controller.abort() } : undefined);
		const run = restore(server, backup, target, { connection: proxy, signal: controller.signal });
		const ended = await run.then(
			() => 'OK',
			(error: BackupError) => error.code,
		);
		outcomes.add(ended);
		if (ended === 'OK') {
			expect(await contentHash(server, name), step).toBe(wanted);
			expect(Object.keys((await everythingOn(server)).hashes), step).toHaveLength(3);
		} else {
			expect(ended, step).toBe('CANCELLED');
			await expect.poll(() => everythingOn(server), { message: step }).toEqual(before);
		}
	}
	expect([...outcomes].sort()).toEqual(['CANCELLED', 'OK']);
});
