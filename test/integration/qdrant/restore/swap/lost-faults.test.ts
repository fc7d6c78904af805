import { beforeEach, expect, it } from 'vitest';

import { ask, at, contentHash, fill } from '../../../../services/qdrant-data';
import { type Treatment } from '../../interceptor';
import { aliasesOn, everythingOn, failure, giveAlias, restore } from '../../support';
import { backup, proxy, safeSwapOf, server, setUpStage, wanted } from './stage';

// Safe swaps that make a collection anew, and lose the connection when the server has, or may have, all of the backup.

setUpStage();

let old: string;
beforeEach(async () => {
	// Two shards, so the backup does not fit.
	await ask(server, 'PUT', at('docs'), { vectors: { size: 3, distance: 'Dot' }, shard_number: 2 });
	await fill(server, 'docs', { vector: () => [1, 2, 3] }, { count: 10 });
	await giveAlias(server, 'live', 'docs');
	old = await contentHash(server, 'docs');
});

const swap = safeSwapOf('docs');
const upload = `POST ${at('docs')}/snapshots/upload`;
const look = `GET ${at('docs')}/snapshots`;

/** Treats the first upload like this, and whatever is asked after it as `then` tells. */
function restoreThrough(treatment: Treatment, then: (line: string) => Treatment | undefined) {
	let isSent = false;
	proxy.treat = (line) => {
		if (isSent) return then(line);
		isSent = line === upload;
		return isSent ? treatment : undefined;
	};
	return restore(server, backup, swap, { connection: proxy });
}

it.each([
	['one look at it is', 1],
	['many looks at it are', 15],
])('have succeeded, without a word of deleting it, where the answer and %s lost', async (_what, looks) => {
	let left = looks;
	const asked = proxy.requests.length;
	const lost = (line: string) => (line === look && left-- > 0 ? { lose: true } : undefined);
	const report = await restoreThrough({ lose: true }, lost);
	expect(await contentHash(server, 'docs')).toBe(wanted);
	expect(await contentHash(server, report.previous!)).toBe(old);
	expect(await aliasesOn(server)).toEqual({ live: 'docs' });
	expect(proxy.requests.slice(asked).filter((line) => line === `DELETE ${at('docs')}`)).toHaveLength(1);
	expect(report.warnings).toEqual([
		expect.stringMatching(/^The server did not say that the restore had worked .* Compare it with docs_before_/),
	]);
});

it('keep the copy where the old collection was put back, but the server may have the backup', async () => {
	const { message } = await failure(
		restoreThrough({ instead: 504 }, () => undefined),
		'TARGET_FAILED',
	);
	expect(message).toContain('the server may be at work still on the restore that failed');
	const { hashes, aliases } = await everythingOn(server);
	expect(Object.keys(hashes).sort()).toEqual(['docs', expect.stringMatching(/^docs_before_\d{8}_\d{6}$/)]);
	expect(new Set(Object.values(hashes))).toEqual(new Set([old]));
	expect(aliases).toEqual({ live: 'docs' });
});

it('do not advise to delete what the server may be filling', async () => {
	const { message } = await failure(
		restoreThrough({ lose: true }, () => ({ instead: 503 })),
		'TARGET_FAILED',
	);
	expect(message).toContain('the server may be filling docs still');
	expect(message).not.toMatch(/delete/);
});
