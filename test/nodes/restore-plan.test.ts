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

it('lists the newest backups to choose from, and takes the one that a caller chose, of its name alone', async () => {
	const { root, node, events, over } = await stage();
	const [first] = (await node.ok('backUp', { path: root })) as [Json];
	const [second] = (await node.ok('backUp', { path: root })) as [Json];
	const other = join(root, 'inner');
	mkdirSync(other);
	const [foreign] = (await node.ok('backUp', { path: other })) as [Json];
	const confirmed = { ...over, confirmation: root };
	const latest = { ...backup('latest', 'documents'), ...confirmed };
	const plan = async (options: object, chosen: object = latest) =>
		((await node.ok('restore', { ...chosen, options: { dryRun: true, ...options } })) as [Json])[0];
	const idOf = ({ backup: of }: Json) => (of as Json)['id'];
	const whole = await plan({});
	expect(idOf(whole)).toBe(second['id']);
	expect(whole['choices']).toMatchObject([
		{ id: second['id'], size: expect.any(String) as string, state: 'whole' },
		{ id: first['id'], startedAt: first['startedAt'], endedAt: expect.any(String) as string, state: 'whole' },
	]);
	expect(idOf(await plan({ backupId: first['id'], latestBefore: '' }))).toBe(first['id']);
	const [, { endedAt }] = whole['choices'] as [Json, { endedAt: string }];
	expect(idOf(await plan({ latestBefore: endedAt }))).toBe(first['id']);
	const inZone = new Date(Date.parse(endedAt) + 7_200_000).toISOString().replace('Z', '+02:00');
	expect(idOf(await plan({ latestBefore: inZone }))).toBe(first['id']);
	expect(idOf(await plan({ latestBefore: new Date() }))).toBe(second['id']);

	const refused = async (options: object, chosen: object = latest) =>
		await node.fails('restore', { ...chosen, options: { dryRun: true, asRun: true, ...options } });
	expect(await refused({ backupId: foreign['id'] })).toMatch(/no backup of documents with the id/);
	const [event] = await events();
	expect(event).toMatchObject({ outcome: 'refused', action: 'restore', error: { code: 'STORAGE_MISSING' } });
	expect(await refused({ latestBefore: '2020-01-01T00:00Z' })).toMatch(/no backup of documents that had ended by 2020/);
	for (const moment of ['yesterday', '2026-01-31', '2026-01-31T14:05:00', '2026-13-31T14:05:00Z', '1769868300'])
		expect(await refused({ latestBefore: moment })).toMatch(/Latest Before is no moment/);
	expect(await refused({ backupId: ['a'] })).toMatch(/Backup ID/);
	expect(await refused({ backupId: first['id'], latestBefore: endedAt })).toMatch(/Both a backup and a moment/);
	const byId = { ...backup('id', String(first['id'])), ...confirmed };
	expect(await refused({ backupId: first['id'] }, byId)).toMatch(/has no meaning where Backup is not at Latest/);
});

it('notes what a workflow has refused by itself, whatever the caller has sent', async () => {
	const { runs, events } = await stage();
	const note = async (more: object) =>
		((await runs.ok('noteRefusal', { refusedAction: 'restore', refusedKind: 'qdrant', ...more })) as [Json])[0];
	const told = await note({
		refusedBecause: 'notAllowed',
		refusedName: { a: ['b'] },
		options: { requestedBy: 'A'.repeat(300) },
	});
	expect(told).toMatchObject({ state: 'refused', name: '{"a":["b"]}', code: 'ACCESS_DENIED' });
	await note({ refusedAction: 'import', refusedBecause: 'notConfirmed', refusedName: 'docs\n2026 INFO forged' });
	expect(await events()).toMatchObject([
		{ action: 'import', outcome: 'refused', name: 'docs 2026 INFO forged', error: { code: 'NOT_CONFIRMED' } },
		{
			action: 'restore',
			outcome: 'refused',
			kind: 'qdrant',
			name: '{"a":["b"]}',
			requestedBy: 'A'.repeat(200),
			error: { code: 'ACCESS_DENIED' },
		},
	]);
	expect(await runs.ok('listRuns', { options: { restoresOnly: true } })).toMatchObject([
		{ state: 'refused', action: 'import' },
		{ state: 'refused', code: 'ACCESS_DENIED' },
	]);
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
