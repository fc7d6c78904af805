import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

import { expect, it } from 'vitest';

import { FolderStorage, readJournal, type JournalEvent } from '../../engine';
import { freshFilesFolder, inProcessN8n } from './harness';
import { backup, type Json, NodeRunner } from './node-runner';
import { PACKAGE } from './workflow';

const n8n = await inProcessN8n();
const KEEP = { policy: 'custom', rules: { last: 5 } };
const SECRET = 'correct horse battery staple';

/** Files Archive, Prune Retention, Verify Archive and Backup Report on one fresh storage, and a folder to back up. */
async function stage() {
	const { folder, node: files } = await NodeRunner.withFolder(n8n, `${PACKAGE}.filesArchive`, {});
	const of = (type: string) => new NodeRunner(n8n, `${PACKAGE}.${type}`, files.credentials);
	const root = join(freshFilesFolder(n8n), 'documents');
	mkdirSync(root);
	writeFileSync(join(root, 'readme.txt'), 'Read me.');
	const encryption = async (passphrase: string) =>
		await n8n.createCredential('keys', 'backupEncryptionApi', { passphrase });
	const events = async (): Promise<JournalEvent[]> =>
		(await readJournal(new FolderStorage({ root: folder }), { since: new Date(0), limit: 100 })).events;
	return {
		folder,
		root,
		files,
		prune: of('pruneRetention'),
		verify: of('verifyArchive'),
		report: of('backupReport'),
		encryption,
		events,
	};
}

it('has an entry of what was made, restored, refused, and what failed, with who wanted it and without secrets', async () => {
	const { folder, root, files, encryption, events } = await stage();
	const sealed = files.with({ backupEncryptionApi: await encryption(SECRET) });
	const [made] = (await sealed.ok('backUp', { path: root, encrypt: true })) as [Json];
	const into = join(freshFilesFolder(n8n), 'restored');
	const wanted = {
		...backup('id', String(made['id'])),
		targetFolder: into,
		options: { requestedBy: '={{ "Ana" }}, ticket 7' },
	};
	const wrong = files.with({ backupEncryptionApi: await encryption('wrong') });
	await wrong.fails('restore', wanted);
	await sealed.ok('restore', { ...wanted, options: { requestedBy: '=Ana{{ ", ticket 7" }}' } });
	await sealed.fails('restore', { ...wanted, existing: 'overwrite', confirmation: 'another' });
	await sealed.fails('restore', { ...wanted, options: { requestedBy: 'x'.repeat(201) } });
	await files.fails('backUp', { path: join(root, 'missing'), backupName: 'gone' });
	const all = await events();
	expect(all.map(({ action, outcome, kind }) => [action, outcome, kind])).toEqual([
		['backUp', 'failed', 'files'],
		['restore', 'refused', 'files'],
		['restore', 'refused', 'files'],
		['restore', 'succeeded', 'files'],
		['restore', 'refused', 'files'],
		['backUp', 'succeeded', 'files'],
	]);
	const [failed, tooLong, unconfirmed, restored, wrongKey, first] = all as [
		JournalEvent,
		JournalEvent,
		JournalEvent,
		JournalEvent,
		JournalEvent,
		JournalEvent,
	];
	expect(failed).toMatchObject({
		name: 'gone',
		from: `folder ${join(root, 'missing')}`,
		error: { code: expect.any(String) },
	});
	expect(tooLong).toMatchObject({ error: { code: 'INVALID_INPUT', message: 'Requested By has 201 characters.' } });
	expect(unconfirmed).toMatchObject({ error: { code: 'NOT_CONFIRMED' }, file: made['id'], to: `folder ${into}` });
	expect(restored).toMatchObject({
		name: 'documents',
		backupId: made['id'],
		file: made['key'],
		to: `folder ${into}`,
		requestedBy: 'Ana, ticket 7',
		execution: { id: expect.any(String), nodeName: expect.any(String) },
	});
	expect(wrongKey).toMatchObject({
		requestedBy: expect.stringContaining('ticket 7'),
		error: { code: expect.stringMatching(/^(KEY_WRONG|NOT_AUTHENTIC)$/) },
	});
	expect(first).toMatchObject({
		name: 'documents',
		backupId: made['id'],
		size: made['storedBytes'],
		from: `folder ${root}`,
	});
	const log = readFileSync(join(folder, 'backup.log'), 'utf8').trimEnd().split('\n');
	expect(log.map((line) => line.split(' ').slice(1, 5).join(' '))).toEqual([
		'INFO backUp files/documents succeeded',
		'WARN restore files refused',
		'INFO restore files/documents succeeded',
		'WARN restore files refused',
		'WARN restore files refused',
		'ERROR backUp files/gone failed',
	]);
	expect(JSON.stringify(all) + log.join()).not.toContain(SECRET);
});

it('has entries of prunes, pins and verifications that failed, and none of dry runs and of looking', async () => {
	const { folder, root, files, prune, verify, events } = await stage();
	const [made] = (await files.ok('backUp', { path: root })) as [Json];
	const chosen = backup('id', String(made['id']));
	await prune.outputs('dryRun', { ...KEEP });
	await files.ok('listBackups');
	await verify.outputs('verify', { which: 'all' });
	await prune.outputs('prune', { ...KEEP, options: { requestedBy: 'the schedule' } });
	await prune.ok('pinBackup', { ...chosen, options: { requestedBy: 'Ana' } });
	await prune.fails('unpinBackup', { ...backup('id', 'none'), options: { requestedBy: 'Ben' } });
	writeFileSync(join(folder, String(made['key'])), 'damaged');
	await verify.fails('verify', { which: 'all' });
	expect((await events()).map(({ action, outcome, name }) => [action, outcome, name])).toEqual([
		['verify', 'failed', 'documents'],
		['unpin', 'failed', undefined],
		['pin', 'succeeded', 'documents'],
		['prune', 'succeeded', undefined],
		['backUp', 'succeeded', 'documents'],
	]);
	const [, unpinned, pinned, pruned] = await events();
	expect([unpinned, pinned]).toMatchObject([{ requestedBy: 'Ben' }, { requestedBy: 'Ana' }]);
	expect(pruned).toMatchObject({
		requestedBy: 'the schedule',
		summary: expect.stringMatching(/^Retention: 0 deleted, 1 kept/),
	});
});

it('has entries of copies in either direction with who wanted them, and of those that were refused or not whole', async () => {
	const { folder, root, files, events } = await stage();
	const second = freshFilesFolder(n8n);
	const backupStorageSecondApi = await n8n.createCredential('second', 'backupStorageSecondApi', {
		type: 'folder',
		folderPath: second,
	});
	const copy = new NodeRunner(n8n, `${PACKAGE}.backupCopy`, { ...files.credentials, backupStorageSecondApi });
	const [made] = (await files.ok('backUp', { path: root })) as [Json];
	await copy.ok('copyBackups', { dryRun: true });
	await copy.ok('copyBackups', { options: { requestedBy: 'the schedule' } });
	await copy.ok('compare');
	rmSync(join(folder, 'files'), { recursive: true });
	await copy.ok('copyBackups', { direction: 'fromSecond', options: { requestedBy: 'Ana' } });
	writeFileSync(join(second, String(made['key'])), 'damaged');
	await copy.fails('copyBackups', { which: 'all', options: { requestedBy: 'Ben' } });
	await copy.fails('copyBackups', { onFailure: 'sometimes', options: { requestedBy: 'Cleo' } });
	const ends = { from: `folder ${basename(folder)}`, to: `folder ${basename(second)}` };
	const all = await events();
	expect(all.map(({ action, outcome, requestedBy }) => [action, outcome, requestedBy])).toEqual([
		['copy', 'refused', 'Cleo'],
		['copy', 'failed', 'Ben'],
		['copy', 'succeeded', 'Ana'],
		['copy', 'succeeded', 'the schedule'],
		['backUp', 'succeeded', undefined],
	]);
	expect(all.slice(0, 4)).toMatchObject([
		{ error: { code: 'INVALID_INPUT' } },
		{ ...ends, error: { message: expect.stringContaining('1 in conflict, 0 failed') } },
		{ from: ends.to, to: ends.from, summary: expect.stringMatching(/^1 copied/) },
		{ ...ends, summary: expect.stringMatching(/^1 copied/) },
	]);
});

it('keeps entries as long as Prune Retention is told, and none of them counts as a backup or as stale', async () => {
	const { folder, root, files, prune, events } = await stage();
	await files.ok('backUp', { path: root });
	const old = join(folder, '.stack-backup', 'journal', '2020', '01', '31');
	mkdirSync(old, { recursive: true });
	writeFileSync(join(old, '020512345-failed-backUp-0123456789abcdef.json'), '{}');
	const [rows, [summary]] = (await prune.outputs('prune', { ...KEEP, options: { journalDays: 0 } })) as [
		Json[],
		Json[],
	];
	expect(rows).toHaveLength(1);
	expect(summary).toMatchObject({ orphans: [], unproven: [], removedOrphans: [], swept: [], damaged: [] });
	expect(readFileSync(join(old, '020512345-failed-backUp-0123456789abcdef.json'), 'utf8')).toBe('{}');
	await prune.outputs('prune', { ...KEEP });
	expect(() => readFileSync(join(old, '020512345-failed-backUp-0123456789abcdef.json'))).toThrow('ENOENT');
	expect(await events()).toHaveLength(3);
});

it('makes no run fail that went well, and hides no error, where it cannot be written', async () => {
	const { folder, root, files, encryption } = await stage();
	// A folder cannot be made where a file stands.
	writeFileSync(join(folder, '.stack-backup'), 'in the way');
	const run = await files.run('backUp', { path: root });
	expect(run.status).toBe('success');
	expect(run.hints.join()).toContain('The journal of the storage has no entry of this run');
	const wrong = files.with({ backupEncryptionApi: await encryption('wrong') });
	const failed = await wrong.fails('restore', { ...backup('latest', 'none'), targetFolder: join(root, 'x') });
	expect(failed).toMatch(/There is no backup/);
	rmSync(join(folder, '.stack-backup'));
});

it('is reported, and a back up that failed is a problem until one succeeds', async () => {
	const { root, files, report } = await stage();
	const parameters = { options: { unverifiedDays: 0, lowStorage: 0 } };
	await files.ok('backUp', { path: root, backupName: 'docs' });
	await files.fails('backUp', { path: join(root, 'missing'), backupName: 'docs' });
	await files.fails('restore', {
		...backup('latest', 'docs'),
		targetFolder: root,
		existing: 'overwrite',
		confirmation: 'no',
	});
	const [bad] = (await report.ok('createReport', parameters)) as [Json];
	expect(bad['report']).toMatchObject({
		status: 'failed',
		errors: [expect.stringMatching(/^The last back up of files docs failed at .*missing/)],
		audit: {
			window_hours: 24,
			more: 0,
			counts: { backUp: { succeeded: 1, failed: 1 }, restore: { refused: 1 } },
			events: [
				{ action: 'restore', outcome: 'refused', error_code: 'NOT_CONFIRMED' },
				{ action: 'backUp', outcome: 'failed', name: 'docs' },
			],
		},
	});
	for (const name of ['text', 'markdown', 'html', 'slack']) expect(bad[name], name).toContain('Restore of files');
	const [metrics] = (await report.ok('getMetrics', { options: { knownNames: true } })) as [Json];
	expect(metrics['metrics']).toMatch(/^stack_backup_recent_events\{action="restore",outcome="refused"\} 1$/m);
	expect(metrics['metrics']).toMatch(
		/^stack_backup_last_failure_timestamp_seconds\{kind="files",name="docs"\} \d{10}/m,
	);
	expect(metrics['metrics']).toMatch(/^rag_backup_last_failure_timestamp\{kind="files",name="docs"\} \d{10}/m);
	const [page] = (await report.ok('getStatusPage', parameters)) as [Json];
	expect(page['html']).toContain('Events of the last day');
	const alerts = async (more: Json = {}) => {
		const [fine = [], alert = []] = await report.outputs('checkAlerts', {
			options: { ...parameters.options, ...more },
		});
		return [...fine, ...alert].flatMap(({ openProblems }) => (openProblems as Json[]).map(({ kind }) => String(kind)));
	};
	expect(await alerts()).toEqual(['failed']);
	expect(await alerts({ alertRefusals: true })).toEqual(['failed', 'refused']);
	await files.ok('backUp', { path: root, backupName: 'docs' });
	expect(await alerts()).toEqual([]);
});
