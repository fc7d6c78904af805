import { beforeEach, expect, it } from 'vitest';

import { ask, at, contentHash, createPlain } from '../../../../services/qdrant-data';
import { aliasesOn, everythingOn, failure, giveAlias, restore } from '../../support';
import { backup, proxy, safeSwapOf, server, setUpStage, treatAt, wanted } from './stage';

// Faults in the step in which a safe swap moves aliases.

setUpStage();

let before: Awaited<ReturnType<typeof everythingOn>>;
let old: string;
beforeEach(async () => {
	await createPlain(server, 'target', 70);
	await giveAlias(server, 'live', 'target');
	before = await everythingOn(server);
	old = before.hashes['target']!;
});

const aliasSwap = safeSwapOf('live');

const change = 'POST /collections/aliases';

it('has succeeded when the answer is lost', async () => {
	treatAt(change, { lose: true });
	const report = await restore(server, backup, aliasSwap, { connection: proxy });
	expect(report.warnings).toContainEqual(expect.stringContaining('although the server did not say so'));
	expect(await contentHash(server, 'live')).toBe(wanted);
	expect(await contentHash(server, report.previous!)).toBe(old);
});

it('has succeeded when it is cancelled while they move', async () => {
	const controller = new AbortController();
	treatAt(change, { after: () => controller.abort() });
	const report = await restore(server, backup, aliasSwap, { connection: proxy, signal: controller.signal });
	expect(report.aliases).toEqual(['live']);
	expect(await contentHash(server, 'live')).toBe(wanted);
});

it('removes the new collection when the server refuses', async () => {
	treatAt(change, { instead: 403 });
	await failure(restore(server, backup, aliasSwap, { connection: proxy }), 'ACCESS_DENIED');
	expect(await everythingOn(server)).toEqual(before);
});

it('removes the new collection when the request never arrived', async () => {
	treatAt(change, { before: () => Promise.reject(new Error('broken')) });
	await failure(restore(server, backup, aliasSwap, { connection: proxy }), 'TARGET_UNREACHABLE');
	expect(await everythingOn(server)).toEqual(before);
});

it('gives the alias back when the server refuses half way', async () => {
	// What the alias should point at is gone by then.
	const removeNew = async () => {
		for (const name of Object.keys((await everythingOn(server)).hashes)) {
			if (name.startsWith('live_')) await ask(server, 'DELETE', at(name));
		}
	};
	treatAt(change, { before: removeNew });
	await failure(restore(server, backup, aliasSwap, { connection: proxy }), 'TARGET_FAILED');
	expect(await everythingOn(server)).toEqual(before);
});

it.each([
	['a proxy gave up', 504],
	['the aliases cannot be read', 500],
])('keeps both and names them when %s', async (_what, status) => {
	let isGone = false;
	proxy.treat = (line) => {
		if (line === change) return { instead: status, after: () => void (isGone = status === 500) };
		return isGone ? { instead: 503 } : undefined;
	};
	const error = await failure(restore(server, backup, aliasSwap, { connection: proxy }), 'TARGET_FAILED');
	const [, kept] = /(live_\d{8}_\d{6})/.exec(error.message) ?? [];
	expect(error.message).toContain('target');
	expect((await everythingOn(server)).hashes).toEqual({ ...before.hashes, [kept!]: wanted });
	expect(await aliasesOn(server)).toEqual(before['aliases']);
});
