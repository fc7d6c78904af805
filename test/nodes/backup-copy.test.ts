import { rmSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it, onTestFinished } from 'vitest';

import { FolderStorage, manifestKeyOf, prune } from '../../engine';
import { startS3rver } from '../services/s3/s3rver';
import { freshFilesFolder, inProcessN8n } from './harness';
import { backup, NodeRunner } from './node-runner';
import { backupsIn, writeBackup, writeDaily } from './retention-support';
import { filesUnder, flipBit, outputsOf, verdicts } from './verify-support';
import { PACKAGE } from './workflow';

const n8n = await inProcessN8n();
const NODE_TYPE = `${PACKAGE}.backupCopy`;

/** Backup Copy on two fresh folders, the first with three backups. */
async function copyNode() {
	const second = freshFilesFolder(n8n);
	const data = { type: 'folder', folderPath: second };
	const backupStorageSecondApi = await n8n.createCredential('second', 'backupStorageSecondApi', data);
	const { folder, node } = await NodeRunner.withFolder(n8n, NODE_TYPE, { backupStorageSecondApi });
	const [from, to] = [new FolderStorage({ root: folder }), new FolderStorage({ root: second })];
	return { folder, second, node, from, to, keys: (await writeDaily(from, 3)).reverse() };
}

it('copies what is new, tells it before by a dry run, and brings it back', async () => {
	const { folder, second, node, from, to, keys } = await copyNode();
	const planned = await node.ok('copyBackups', { dryRun: true });
	expect(planned.map(({ outcome, key }) => [outcome, key])).toEqual(keys.map((key) => ['wouldBeCopied', key]));
	expect(filesUnder(second)).toEqual([]);
	const copied = await node.ok('copyBackups');
	expect(copied.map(({ outcome, key }) => [outcome, key])).toEqual(keys.map((key) => ['copied', key]));
	expect(copied[0]).toMatchObject({ name: 'shop', kind: 'postgres', isNeeded: false, problem: null, tags: [] });
	expect(await backupsIn(to)).toEqual(await backupsIn(from));
	const [simple] = await node.ok('copyBackups', { simplify: true });
	expect(Object.keys(simple!)).toEqual([
		'outcome',
		'name',
		'reason',
		'startedAt',
		'size',
		'kind',
		'state',
		'file',
		'key',
		'id',
	]);
	expect(simple).toMatchObject({ outcome: 'skipped', reason: 'the target has it' });
	expect(await node.ok('copyBackups', { options: { includeSkipped: false } })).toEqual([]);
	// The first storage is lost.
	rmSync(join(folder, 'postgres'), { recursive: true });
	const back = await node.ok('copyBackups', { direction: 'fromSecond' });
	expect(back.map(({ outcome }) => outcome)).toEqual(['copied', 'copied', 'copied']);
	expect(await backupsIn(from)).toEqual(await backupsIn(to));
});

it('copies what is chosen: one from the list of the source, or by filters', async () => {
	const { node, keys, from } = await copyNode();
	await writeBackup(from, 40, { name: 'crm', tags: ['yearly'] });
	const request = {
		nodeType: NODE_TYPE,
		credentials: node.credentials,
		methodName: 'searchBackups',
		path: 'parameters.backup',
	};
	const list = async (parameters: object) =>
		(await n8n.searchList({ ...request, parameters: { operation: 'copyBackups', ...parameters } })).results;
	const [newest] = await list({ direction: 'toSecond' });
	expect(await list({ direction: 'fromSecond' })).toEqual([]);
	const picked = { which: 'picked', ...backup('list', newest!.value as string) };
	expect(await node.ok('copyBackups', picked)).toMatchObject([{ key: keys[2], outcome: 'copied' }]);
	expect(await list({ direction: 'fromSecond' })).toMatchObject([{ value: newest!.value }]);
	const asked = async (filters: object, which = 'new') =>
		(await node.ok('copyBackups', { dryRun: true, which, filters })).map(({ name, outcome }) => `${name} ${outcome}`);
	expect(await asked({ tags: 'yearly' })).toEqual(['crm wouldBeCopied']);
	expect(await asked({ newerThan: 30, names: 'crm' })).toEqual([]);
	expect(await asked({}, 'latest')).toEqual(['crm wouldBeCopied', 'shop skipped']);
	expect(await node.fails('copyBackups', { which: 'picked', ...backup('id', 'none') })).toMatch(
		/no backup with the id none.*Direction/,
	);
	expect(await node.fails('copyBackups', { filters: { kinds: [] } })).toMatch(/Kinds is empty/);
});

it('fails over what could not be copied, or puts it out at Failed, when everything was tried', async () => {
	const { folder, node, keys, to } = await copyNode();
	flipBit(join(folder, keys[1]!));
	const message = await node.fails('copyBackups');
	expect(message).toMatch(
		/^1 of 3 could not be copied\. postgres\/shop_.*: failed\. The archive .* is not what its manifest says/,
	);
	expect((await backupsIn(to)).own).toEqual([keys[2], keys[0]]);
	const { passed, failed, hints } = await verdicts(node, 'copyBackups');
	expect([passed.length, failed.map(({ key, problem }) => [key, problem.code])]).toEqual([
		2,
		[[keys[1], 'ARCHIVE_CORRUPT']],
	]);
	expect(hints.join()).toMatch(/1 of 3 could not be copied: it is in Failed/);
	const run = await node.run('copyBackups', {}, { onError: 'continueErrorOutput' });
	const [, , errors] = outputsOf(run.execution, 'Node');
	expect(errors).toMatchObject([{ error: expect.stringMatching(/^1 of 3 could not be copied/) }]);
});

it('encrypts on the way, and decrypts again, with a credential for it', async () => {
	const { folder, node, from, to, keys } = await copyNode();
	expect(await node.fails('copyBackups', { encryption: 'decrypt' })).toMatch(
		/no Backup Encryption credential is selected/,
	);
	const passphrase = { passphrase: 'open sesame' };
	const backupEncryptionApi = await n8n.createCredential('passphrase', 'backupEncryptionApi', passphrase);
	const sealing = node.with({ backupEncryptionApi });
	const copied = await sealing.ok('copyBackups', { encryption: 'encrypt' });
	expect(copied.map(({ outcome, targetKey }) => [outcome, targetKey])).toEqual(
		keys.map((key) => ['copied', `${key}.gpg`]),
	);
	expect((await backupsIn(to)).own).toEqual(keys.map((key) => `${key}.gpg`).reverse());
	const before = await backupsIn(from);
	rmSync(join(folder, 'postgres'), { recursive: true });
	const back = await sealing.ok('copyBackups', { encryption: 'decrypt', direction: 'fromSecond' });
	expect(back.map(({ outcome }) => outcome)).toEqual(['copied', 'copied', 'copied']);
	expect(await backupsIn(from)).toEqual(before);
	expect((await node.ok('compare')).map(({ outcome }) => outcome)).toEqual(['same', 'same', 'same']);
});

it('says what was removed at the target, and that a storage is no second copy of itself', async () => {
	const { folder, node, to } = await copyNode();
	await node.ok('copyBackups');
	await prune({ storage: to, policy: { rules: { last: 1 }, maxDeletedShare: 1 }, owner: 'test' });
	const run = await node.run('copyBackups');
	expect(run.hints.join()).toMatch(/2 backups were copied before and removed at the target since/);
	const data = { type: 'folder', folderPath: join(folder, 'postgres') };
	const inside = await n8n.createCredential('inside', 'backupStorageSecondApi', data);
	expect(await node.with({ backupStorageSecondApi: inside }).fails('copyBackups')).toMatch(
		/are one storage, or one lies in the other/,
	);
});

it('compares the two storages, and fails over what is missing, different or damaged', async () => {
	const { second, node, keys, from, to } = await copyNode();
	await node.ok('copyBackups');
	expect((await node.ok('compare')).map(({ outcome }) => outcome)).toEqual(['same', 'same', 'same']);
	expect(await node.ok('compare', { options: { includeSame: false } })).toEqual([]);
	await writeBackup(to, 0, { name: 'blog' });
	await writeBackup(from, 0, { name: 'crm' });
	flipBit(join(second, keys[0]!));
	await to.replace(manifestKeyOf(keys[1]!), Buffer.from('{'));
	const found = async (parameters: object) => {
		const { passed, failed } = await verdicts(node, 'compare', { simplify: true, ...parameters });
		return [passed, failed].map((rows) => rows.map(({ outcome }) => outcome).sort());
	};
	expect(await found({})).toEqual([
		['onlyInSecond', 'same', 'same'],
		['damagedInSecond', 'missingInSecond'],
	]);
	expect(await found({ readEverything: true })).toEqual([
		['onlyInSecond', 'same'],
		['damagedInSecond', 'damagedInSecond', 'missingInSecond'],
	]);
	expect(await node.fails('compare', { filters: { names: 'crm' } })).toMatch(/crm.*the second storage lacks it/);
});

it('copies into a bucket, compares all that both hold, and brings it back', async () => {
	const s3 = await startS3rver();
	onTestFinished(() => s3.stop());
	const { endpoint, region, accessKeyId, secretAccessKey } = s3;
	const bucket = await s3.createBucket();
	const data = { type: 's3', endpoint, region, accessKeyId, secretAccessKey, bucket, prefix: 'off-site' };
	const backupStorageSecondApi = await n8n.createCredential('bucket', 'backupStorageSecondApi', data);
	const stage = await copyNode();
	const node = stage.node.with({ backupStorageSecondApi });
	const outcomes = async (operation: string, parameters: object = {}) =>
		(await node.ok(operation, { ...parameters })).map(({ outcome }) => outcome as string);
	expect(await outcomes('copyBackups')).toEqual(['copied', 'copied', 'copied']);
	expect(await outcomes('compare', { readEverything: true })).toEqual(['same', 'same', 'same']);
	const before = await backupsIn(stage.from);
	rmSync(join(stage.folder, 'postgres'), { recursive: true });
	expect(await outcomes('copyBackups', { direction: 'fromSecond' })).toEqual(['copied', 'copied', 'copied']);
	expect(await backupsIn(stage.from)).toEqual(before);
	const [key] = stage.keys as [string];
	await s3.client.putObject(bucket, `off-site/${key}`, Buffer.from('damaged'));
	const { failed } = await verdicts(node, 'compare', { readEverything: true });
	expect(failed.map(({ outcome, key: one }) => [outcome, one])).toEqual([['damagedInSecond', key]]);
});

it('tests the credential of the second storage as that of the first', async () => {
	const folderPath = freshFilesFolder(n8n);
	const test = async (data: Record<string, unknown>) =>
		(await n8n.testCredential('second', 'backupStorageSecondApi', data)).status;
	expect(await test({ type: 'folder', folderPath })).toBe('OK');
	expect(await test({ type: 'folder', folderPath: '' })).toBe('Error');
});
