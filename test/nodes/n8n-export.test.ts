import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { KEY, makeInstance, PASSPHRASE } from '../integration/n8n/instance/stage';
import { N8N_MODULES } from '../services/n8n-install';
import { freshFilesFolder, inProcessN8n } from './harness';
import { backup, NodeRunner, storedIn } from './node-runner';
import { columnsOf } from './table';
import { NODE_TYPE as VERIFY, verdicts } from './verify-support';
import { PACKAGE } from './workflow';

// As its administrator has it when n8n starts.
process.env['N8N_STACK_BACKUP_ALLOW_INSTANCE'] = 'true';
const n8n = await inProcessN8n();
const NODE_TYPE = `${PACKAGE}.n8nExport`;

/** The node in an n8n that runs on SQLite, with these variables in its environment. */
async function stage(env: Record<string, string> = {}) {
	const instance = makeInstance();
	for (const [name, value] of Object.entries({ N8N_USER_FOLDER: instance.root, N8N_ENCRYPTION_KEY: KEY, ...env }))
		vi.stubEnv(name, value);
	// The program that n8n is started by, whose version is told.
	const [, program] = process.argv;
	process.argv[1] = join(N8N_MODULES, 'n8n', 'bin', 'n8n');
	onTestFinished(() => {
		vi.unstubAllEnvs();
		process.argv[1] = program!;
	});
	const backupEncryptionApi = await n8n.createCredential('encryption', 'backupEncryptionApi', {
		passphrase: PASSPHRASE,
	});
	return { instance, ...(await NodeRunner.withFolder(n8n, NODE_TYPE, { backupEncryptionApi })) };
}

it('backs up the n8n that it runs in, lists that, and restores it into a new folder', async () => {
	const { node, instance } = await stage();
	const [made] = await node.ok('backUpInstance', { binaryData: true });
	expect(made).toMatchObject({
		name: 'n8n',
		kind: 'n8n-instance',
		key: expect.stringMatching(/^n8n\/n8n_\d{8}_\d{6}\.tar\.zst\.gpg$/),
		state: 'whole, encrypted',
		rows: 4,
		database: 'sqlite',
		communityPackages: [{ name: 'n8n-nodes-example', version: '1.2.3' }],
		needs: [expect.any(String)],
	});
	expect(made!['environmentVariables']).toContain('N8N_STACK_BACKUP_ALLOW_INSTANCE');
	const resource = 'instance';
	expect(await node.ok('listBackups', { resource })).toMatchObject([
		{ id: made!['id'], archiveState: 'complete', authentic: true },
	]);
	expect(await node.ok('listBackups')).toEqual([]);

	const targetFolder = join(freshFilesFolder(n8n), 'restored');
	const [restored] = await node.ok('restoreInstance', { ...backup('latest', 'n8n'), targetFolder });
	expect(restored).toMatchObject({
		folder: targetFolder,
		database: 'SQLite',
		packages: 1,
		environment: { N8N_USER_FOLDER: targetFolder, DB_TYPE: 'sqlite' },
	});
	expect(readdirSync(join(targetFolder, '.n8n')).sort()).toEqual(['config', 'database.sqlite', 'nodes', 'storage']);
	expect(JSON.stringify([made, restored])).not.toContain(KEY);
	expect(readFileSync(join(instance.root, '.n8n/config'), 'utf8')).toContain(KEY);
});

it('refuses to store the key without encryption', async () => {
	const { node, folder } = await stage();
	const said = await node.with({ backupEncryptionApi: undefined }).fails('backUpInstance');
	expect(said).toContain('only made encrypted');
	expect(said).toContain('Backup Encryption credential');
	expect(storedIn(folder)).toEqual([]);
});

it('restores into no folder that n8n keeps nodes away from, and none for an older n8n', async () => {
	const { node, instance } = await stage();
	const [made] = await node.ok('backUpInstance');
	const chosen = backup('id', made!['id']);
	const inside = { ...chosen, targetFolder: join(instance.root, '.n8n', 'new') };
	expect(await node.fails('restoreInstance', inside)).toContain('n8n');
	expect(existsSync(join(instance.root, '.n8n/new'))).toBe(false);
	const targetFolder = join(freshFilesFolder(n8n), 'restored');
	const older = await node.fails('restoreInstance', { ...chosen, targetFolder, n8nVersion: '1.120.0' });
	expect(older).toMatch(/made by n8n 2\.\d+\.\d+; n8n 1\.120\.0 is older/);
	expect(await node.fails('restoreInstance', { ...chosen, targetFolder, intoPostgres: true })).toContain('credential');
	expect(existsSync(targetFolder)).toBe(false);
});

it('puts out rows that can be read as a table', async () => {
	const { node } = await stage();
	const [made] = await node.ok('backUpInstance', { simplify: true });
	expect(columnsOf([made!])).toEqual([
		'name',
		'startedAt',
		'size',
		'rows',
		'state',
		'warning',
		'file',
		'key',
		'id',
		'runId',
	]);
	const targetFolder = join(freshFilesFolder(n8n), 'restored');
	const [restored] = await node.ok('restoreInstance', { ...backup('latest', 'n8n'), targetFolder, simplify: true });
	expect(Object.keys(restored!)).toEqual([
		'folder',
		'n8nVersion',
		'startedAt',
		'database',
		'packages',
		'binaryFiles',
		'warning',
		'file',
		'id',
	]);
});

it('is verified by a test restore, into the folder where files are', async () => {
	const { node } = await stage();
	await node.ok('backUpInstance', { binaryData: true });
	const verify = new NodeRunner(n8n, VERIFY, node.credentials);
	const scratchFolder = freshFilesFolder(n8n);
	const into = { filesTarget: 'folder', scratchFolder };
	const { passed, failed } = await verdicts(verify, 'verify', { which: 'all', level: 'restore', ...into });
	expect(failed).toEqual([]);
	expect(passed.map(({ kind, reached }) => [kind, reached])).toEqual(
		expect.arrayContaining([
			['n8n-instance', 'restore'],
			['files', 'restore'],
		]),
	);
	expect(readdirSync(scratchFolder)).toEqual([]);
});
