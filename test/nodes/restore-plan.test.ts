import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { FolderStorage, readJournal } from '../../engine';
import { freshFilesFolder, inProcessN8n } from './harness';
import { backup, type Json, NodeRunner } from './node-runner';
import { PACKAGE } from './workflow';

const n8n = await inProcessN8n();
const SECRET = 'correct horse battery staple';

async function stage() {
	const { folder, node } = await NodeRunner.withFolder(n8n, `${PACKAGE}.filesArchive`, {});
	const root = join(freshFilesFolder(n8n), 'documents');
	mkdirSync(root);
	writeFileSync(join(root, 'readme.txt'), 'Read me.');
	writeFileSync(join(root, 'offer.txt'), 'An offer.');
	const backupEncryptionApi = await n8n.createCredential('keys', 'backupEncryptionApi', { passphrase: SECRET });
	const sealed = node.with({ backupEncryptionApi });
	const runs = new NodeRunner(n8n, `${PACKAGE}.backupReport`, node.credentials);
	const storage = new FolderStorage({ root: folder });
	const events = async () => (await readJournal(storage, { since: new Date(0), limit: 100 })).events;
	const over = { targetFolder: root, existing: 'overwrite', confirmation: 'whatever' };
	return { folder, root, node, sealed, runs, storage, events, over };
}

it('tells what a restore would do, without a confirmation, and changes nothing', async () => {
	const { root, node, events, over } = await stage();
	const [made] = (await node.ok('backUp', { path: root })) as [Json];
	writeFileSync(join(root, 'readme.txt'), 'Changed.');
	const chosen = { ...backup('latest', 'documents'), ...over };
	const [plan] = (await node.ok('restore', { ...chosen, options: { dryRun: true } })) as [Json];
	expect(plan).toMatchObject({
		ready: true,
		into: `folder ${root}`,
		replaces: 'files that differ from the backup',
		verified: 'never',
		dryRun: true,
		problems: [],
		target: { exists: true, entries: 2 },
		restores: { entries: 2, bytes: 17 },
		backup: { id: made['id'], checked: 'content', encrypted: false, verified: null },
	});
	expect(plan['ageHours']).toBeLessThan(1);
	const [elsewhere] = (await node.ok('restore', {
		...chosen,
		targetFolder: join(root, 'new'),
		simplify: true,
		options: { dryRun: true },
	})) as [Json];
	expect(elsewhere).toMatchObject({ ready: true, replaces: 'nothing: it does not exist' });
	expect(Object.keys(elsewhere).length).toBeLessThanOrEqual(10);
	const [careful] = (await node.ok('restore', { ...chosen, existing: 'fail', options: { dryRun: true } })) as [Json];
	expect(careful).toMatchObject({ ready: false, problems: [{ code: 'TARGET_EXISTS' }] });
	expect(readFileSync(join(root, 'readme.txt'), 'utf8')).toBe('Changed.');
	expect(readdirSync(root)).toHaveLength(2);
	expect((await events()).map(({ action }) => action)).toEqual(['backUp']);
});

it('refuses like a run, with an entry in the journal, what was not confirmed, is damaged, unknown or cannot be opened', async () => {
	const { folder, root, node, sealed, events, over } = await stage();
	const [made] = (await sealed.ok('backUp', { path: root, encrypt: true })) as [Json];
	writeFileSync(join(root, 'readme.txt'), 'Changed.');
	const asked = (more: object = {}) => ({
		...backup('id', String(made['id'])),
		...over,
		confirmation: root,
		options: { dryRun: true, asRun: true, requestedBy: 'Ana' },
		...more,
	});
	const last = async () => {
		const [event] = await events();
		return { outcome: event?.outcome, code: event?.error?.code, by: event?.requestedBy, action: event?.action };
	};
	expect(await sealed.ok('restore', asked())).toMatchObject([{ ready: true, backup: { encrypted: true } }]);
	expect(await last()).toMatchObject({ action: 'backUp' });

	expect(await sealed.fails('restore', asked({ confirmation: 'documents' }))).toMatch(/not confirmed/);
	expect(await last()).toEqual({ action: 'restore', outcome: 'refused', code: 'NOT_CONFIRMED', by: 'Ana' });
	expect(await sealed.fails('restore', asked(backup('latest', 'nothing')))).toMatch(/no backup/i);
	expect(await last()).toMatchObject({ outcome: 'refused', code: 'STORAGE_MISSING' });
	expect(await node.fails('restore', asked())).toMatch(/encrypted/);
	expect(await last()).toMatchObject({ outcome: 'refused', code: 'KEY_MISSING' });

	const archive = join(folder, String(made['key']));
	const bytes = readFileSync(archive);
	bytes[bytes.length - 30]! ^= 1;
	writeFileSync(archive, bytes);
	const [plan] = (await sealed.ok('restore', asked({ options: { dryRun: true } }))) as [Json];
	expect(plan).toMatchObject({
		ready: false,
		problems: [{ code: 'ARCHIVE_CORRUPT' }],
		backup: { checked: 'nothing' },
		target: { exists: true },
	});
	expect(await sealed.fails('restore', asked())).toMatch(/damaged|corrupt|not what was stored|differs/i);
	expect(await last()).toMatchObject({ outcome: 'refused', code: 'ARCHIVE_CORRUPT' });
	truncateSync(archive, bytes.length - 1);
	await sealed.fails('restore', asked());
	expect(await last()).toMatchObject({ outcome: 'refused', code: 'ARCHIVE_CORRUPT' });
	expect(readFileSync(join(root, 'readme.txt'), 'utf8')).toBe('Changed.');
});

it('lists what runs, how far it is, and how it ended, by the execution', async () => {
	const { root, node, runs, storage, over } = await stage();
	await node.ok('backUp', { path: root });
	const options = { requestedBy: 'Ana' };
	await node.ok('restore', { ...backup('latest', 'documents'), ...over, confirmation: root, options });
	await node.fails('restore', { ...backup('latest', 'documents'), ...over, options });
	const ended = await runs.ok('listRuns', { options: { restoresOnly: true } });
	expect(ended).toMatchObject([
		{ state: 'refused', action: 'restore', code: 'NOT_CONFIRMED', requestedBy: 'Ana' },
		{
			state: 'succeeded',
			what: 'Restore of files documents',
			percent: 100,
			result: '0 entries written, 2 were the same',
			requestedBy: 'Ana',
		},
	]);
	expect(await runs.ok('listRuns')).toHaveLength(3);
	const sign = (id: string, execution: string) => ({
		formatVersion: 1,
		id,
		action: 'restore',
		kind: 'postgres',
		name: 'shop',
		startedAt: new Date(Date.now() - 60_000).toISOString(),
		bytes: 25_000_000,
		bytesPerSecond: 1_000_000,
		totalBytes: 100_000_000,
		workflow: 'Restore',
		workflowId: 'w1',
		execution,
		host: 'worker-1',
		process: 17,
	});
	for (const [number, execution] of ['4711', '4712'].entries()) {
		const id = `00000000-0000-4000-8000-00000000000${number}`;
		await storage.replace(`.stack-backup/running/${id}.json`, Buffer.from(JSON.stringify(sign(id, execution))));
	}
	expect(await runs.ok('listRuns', { executionId: '4711', simplify: true })).toEqual([
		{
			state: 'running',
			what: 'Restore of postgres shop',
			percent: 25,
			progress: '25.0 MB of 100.0 MB, 1.0 MB/s, 75 s left',
			startedAt: expect.any(String) as string,
			durationSeconds: expect.any(Number) as number,
			execution: '4711',
		},
	]);
	expect(await runs.ok('listRuns', { executionId: '4711', options: { workflowId: 'other' } })).toEqual([]);
	expect(await runs.ok('listRuns', { executionId: '4711' })).toMatchObject([
		{ secondsLeft: 75, totalBytes: 100_000_000, bytes: 25_000_000, workflowId: 'w1' },
	]);
});
