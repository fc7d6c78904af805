import { beforeEach, expect, it } from 'vitest';

import { ask, at, contentHash, createPlain } from '../../../../services/qdrant-data';
import { type Treatment } from '../../interceptor';
import { everythingOn, failure, giveAlias, restore } from '../../support';
import { backup, proxy, safeSwapOf, server, setUpStage } from './stage';

// Safe swaps by name of a collection that differs from the backup in so few points that no sample shows it. Samples are
// random, so what makes that certain is a server that refuses to sample.

setUpStage();

let old: string;
beforeEach(async () => {
	await createPlain(server, 'docs', 300);
	await giveAlias(server, 'live', 'docs');
	const changed = { payload: { group: 'changed by mistake' }, points: [7] };
	await ask(server, 'POST', at('docs', '/points/payload?wait=true'), changed);
	old = await contentHash(server, 'docs');
});

const swap = safeSwapOf('docs');

/** A proxy that does this with the upload in the last step. */
function restoring(treatment: Treatment) {
	return (line: string) => {
		if (line.endsWith('/points/query')) return { instead: 400 };
		return line === `POST ${at('docs')}/snapshots/upload` ? treatment : undefined;
	};
}

/** Restores past such a proxy. */
function restoreThrough(treatment: Treatment) {
	proxy.treat = restoring(treatment);
	return restore(server, backup, swap, { connection: proxy });
}

/** The collection and a copy of it, both as the collection was. */
async function expectBothKept(): Promise<void> {
	const { hashes, aliases } = await everythingOn(server);
	expect(Object.keys(hashes).sort()).toEqual(['docs', expect.stringMatching(/^docs_before_\d{8}_\d{6}$/)]);
	expect(new Set(Object.values(hashes))).toEqual(new Set([old]));
	expect(aliases).toEqual({ live: 'docs' });
}

it('do not report success where a proxy gives up and nothing was restored', async () => {
	const { message } = await failure(restoreThrough({ instead: 504 }), 'TARGET_FAILED');
	expect(message).toContain('whether docs holds its old points or those of the backup cannot be determined');
	await expectBothKept();
});

it('do not take the number of points for a proof, which clients change as well', async () => {
	await ask(server, 'POST', at('docs', '/points/delete?wait=true'), { points: [11] });
	old = await contentHash(server, 'docs');
	const write = () =>
		ask(server, 'PUT', at('docs', '/points?wait=true'), {
			points: [{ id: 5000, vector: Array(8).fill(1) as number[], payload: {} }],
		}).then(() => {});
	const { message } = await failure(restoreThrough({ instead: 504, after: write }), 'TARGET_FAILED');
	expect(message).toContain('whether docs holds its old points or those of the backup cannot be determined');
	const { hashes } = await everythingOn(server);
	expect(Object.values(hashes)).toContain(old);
});

it('keep the copy where the server is away after a refusal, and say that nobody could look', async () => {
	const treat = restoring({ instead: 403 });
	let isAway = false;
	proxy.treat = (line) => {
		const found =
			isAway && line.includes('/collections/docs') && !line.includes('_before_') ? { instead: 502 } : treat(line);
		isAway ||= line === `POST ${at('docs')}/snapshots/upload`;
		return found;
	};
	const { message } = await failure(restore(server, backup, swap, { connection: proxy }), 'ACCESS_DENIED');
	expect(message).toMatch(
		/should be as it was, but it could not be looked at; its copy docs_before_\d{8}_\d{6} was kept/,
	);
	proxy.treat = () => undefined;
	await expectBothKept();
});

it('keep the copy where the upload is refused and no look shows whether that is true', async () => {
	const { message } = await failure(restoreThrough({ instead: 403 }), 'ACCESS_DENIED');
	expect(message).toMatch(/copy docs_before_\d{8}_\d{6} was kept/);
	await expectBothKept();
});
