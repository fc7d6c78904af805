import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findBackup, manifestKeyOf, recordVerification, verificationKeyOf } from '../../engine';
import { verifyBackup } from '../../engine';
import { asNewer } from '../services/newer-manifest';
import { inProcessN8n } from './harness';
import { NodeRunner } from './node-runner';
import { NODE_TYPE as PRUNE, pruneNode, writeBackup, writeDaily } from './retention-support';
import { NODE_TYPE as VERIFY, outputsOf, verdicts } from './verify-support';
import { PACKAGE } from './workflow';

const n8n = await inProcessN8n();
const DATE = '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d UTC';
const labelled = (rest: string) => expect.stringMatching(new RegExp(`^${DATE} · ${rest}$`)) as string;

/** A storage with what its lists may hold, newest first. */
async function storageOfAll() {
	const { folder, node, storage } = await pruneNode(n8n);
	const key = {
		globals: await writeBackup(storage, 8, { kind: 'postgres-globals', name: 'globals' }),
		docs: await writeBackup(storage, 7, { kind: 'qdrant', name: 'docs', pinned: true }),
		good: await writeBackup(storage, 6),
		bad: await writeBackup(storage, 5),
		cut: await writeBackup(storage, 4),
		gone: await writeBackup(storage, 3),
		unread: await writeBackup(storage, 2),
		unknown: await writeBackup(storage, 1),
	};
	// As small as these are, no verification by the rules of their kind would pass.
	for (const [one, level] of [
		['good', 'integrity'],
		['bad', 'content'],
	] as const) {
		await recordVerification(storage, await verifyBackup({ storage, key: key[one], level }));
	}
	appendFileSync(join(folder, key.cut), 'more');
	rmSync(join(folder, key.gone));
	mkdirSync(join(folder, verificationKeyOf(key.unread)));
	writeFileSync(join(folder, manifestKeyOf(key.unknown)), '{');
	const list = async (nodeType: string, parameters: Record<string, unknown> = {}, more: { filter?: string } = {}) => {
		const request = { nodeType, credentials: node.credentials, methodName: 'searchBackups', path: 'parameters.backup' };
		const { results } = await n8n.searchList({ ...request, parameters, ...more });
		return results;
	};
	const names = async (...of: Parameters<typeof list>) => (await list(...of)).map(({ name }) => name);
	return { storage, key, credentials: node.credentials, list, names };
}

it('marks what verification found and what is damaged, in the lists of all nodes', async () => {
	const { key, names } = await storageOfAll();
	const shop = [
		labelled('shop · [\\d.]+ B'),
		labelled('archive missing · shop · [\\d.]+ B'),
		labelled('damaged · shop · [\\d.]+ B'),
		labelled('verification failed · shop · [\\d.]+ B'),
		labelled('shop · [\\d.]+ B · verified'),
	];
	expect(await names(`${PACKAGE}.postgresDump`, { operation: 'restore' })).toEqual(shop);
	expect(
		await names(`${PACKAGE}.postgresDump`, { operation: 'restore', restoreKind: 'globals', options: { folder: '' } }),
	).toEqual([labelled('globals · [\\d.]+ B')]);
	expect(await names(`${PACKAGE}.qdrantSnapshot`, { operation: 'restore' })).toEqual([
		labelled('docs · [\\d.]+ B · pinned'),
	]);
	const all = await names(PRUNE, { operation: 'pinBackup' });
	expect(all).toHaveLength(7);
	expect(all.slice(3)).toEqual([
		labelled('verification failed · shop · [\\d.]+ B · PostgreSQL'),
		labelled('shop · [\\d.]+ B · verified · PostgreSQL'),
		labelled('docs · [\\d.]+ B · pinned · Qdrant'),
		labelled('globals · [\\d.]+ B · PostgreSQL Roles and Globals'),
	]);
	expect(await names(VERIFY)).toEqual([labelled(`damaged · ${key.unknown}`), ...all]);
	expect(await names(VERIFY, {}, { filter: 'QDRANT docs' })).toEqual([all[5]]);
	expect(await names(VERIFY, {}, { filter: 'nothing' })).toEqual([]);
	expect(await names(VERIFY, {}, { filter: 'Verified' })).toEqual([all[4]]);
	expect(await names(VERIFY, {}, { filter: 'shop verification failed' })).toEqual([all[3]]);
	expect(await names(VERIFY, {}, { filter: 'docs verified' })).toEqual([]);
});

it('verifies what is damaged when it is chosen from the list', async () => {
	const { key, credentials, list } = await storageOfAll();
	const [newest] = await list(VERIFY);
	const node = new NodeRunner(n8n, VERIFY, credentials);
	const chosen = { backup: { __rl: true, mode: 'list', value: newest!.value } };
	const { failed } = await verdicts(node, 'verify', chosen);
	expect(failed).toMatchObject([{ key: key.unknown, verdict: 'failed', problem: expect.stringMatching(/manifest/) }]);
	expect((await verdicts(node, 'checkTrend', { which: 'one', ...chosen })).failed).toMatchObject([
		{ problem: expect.stringMatching(/manifest/) },
	]);
});

it('says of what a newer version has made that it is that, and not that it is damaged', async () => {
	const { node, storage } = await pruneNode(n8n);
	const key = await writeBackup(storage, 2);
	const newer = await writeBackup(storage, 1);
	const { manifest } = await findBackup(storage, { file: newer });
	await storage.replace(manifestKeyOf(newer), Buffer.from(asNewer(manifest, { codec: { name: 'brotli' } })));
	const request = {
		nodeType: VERIFY,
		credentials: node.credentials,
		methodName: 'searchBackups',
		path: 'parameters.backup',
	};
	const { results } = await n8n.searchList(request);
	expect(results[0]).toMatchObject({ name: labelled(`made by a newer version · ${newer}`), value: newer });
	const message = expect.stringContaining('was made by a newer version of n8n-nodes-stack-backup') as string;
	const verify = new NodeRunner(n8n, VERIFY, node.credentials);
	const chosen = { backup: { __rl: true, mode: 'list', value: newer } };
	const { failed } = await verdicts(verify, 'verify', { ...chosen, simplify: false });
	expect(failed).toMatchObject([
		{ key: newer, verdict: 'incomplete', problem: message, hint: expect.stringMatching(/^Update/) },
	]);
	const trend = await verdicts(verify, 'checkTrend', { which: 'one', ...chosen });
	expect(trend.failed).toMatchObject([{ verdict: 'incomplete', problem: message }]);
	const postgres = new NodeRunner(n8n, `${PACKAGE}.postgresDump`, node.credentials);
	const listed = outputsOf((await postgres.run('listBackups', { simplify: false })).execution, 'Node')[0];
	expect(listed).toMatchObject([
		{ key, archiveState: 'complete' },
		{
			manifestKey: manifestKeyOf(newer),
			archiveState: 'newerVersion',
			state: expect.stringMatching(/^made by a newer version: /),
		},
	]);
	const pruned = await node.run('prune', { simplify: false });
	expect(outputsOf(pruned.execution, 'Node')[1]).toMatchObject([{ damaged: [], newer: [{ message }] }]);
});

it('shows fifty at a time, each page with what verifications found', async () => {
	const { node, storage } = await pruneNode(n8n);
	const keys = await writeDaily(storage, 60);
	const last = await findBackup(storage, { file: keys[59]! });
	await recordVerification(storage, await verifyBackup({ storage, key: last.key, level: 'integrity' }));
	const request = {
		nodeType: VERIFY,
		credentials: node.credentials,
		methodName: 'searchBackups',
		path: 'parameters.backup',
	};
	const first = await n8n.searchList(request);
	expect(first.results).toHaveLength(50);
	const second = await n8n.searchList({ ...request, paginationToken: first.paginationToken! });
	expect([second.results.length, second.paginationToken]).toEqual([10, undefined]);
	expect(second.results.at(-1)).toEqual({
		name: labelled('shop · [\\d.]+ B · verified · PostgreSQL'),
		value: last.manifest.id,
	});
	expect(new Set([...first.results, ...second.results].map(({ value }) => value)).size).toBe(60);
	// The search looks at all of them, in what verifications found as well.
	expect((await n8n.searchList({ ...request, filter: 'verified' })).results).toEqual([second.results.at(-1)]);
	const day = last.manifest.startedAt.slice(0, 10);
	const { results } = await n8n.searchList({ ...request, filter: `shop ${day}` });
	expect(results.map(({ value }) => value)).toEqual([last.manifest.id]);
});
