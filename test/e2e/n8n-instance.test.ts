import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { freshFilesFolder } from '../nodes/harness';
import { backup, NodeRunner } from '../nodes/node-runner';
import { PACKAGE } from '../nodes/workflow';
import { startN8n } from '../services/n8n';
import { sharedN8n } from './harness';
import { publishNow, template, withCredentials } from './templates';

const n8n = await sharedN8n();
const NODE_TYPE = `${PACKAGE}.n8nExport`;
/** A webhook that wants the password of a stored credential. */
const DOOR = 'n8n-instance-door';

async function knock(url: string, password: string): Promise<number> {
	const authorization = `Basic ${Buffer.from(`anna:${password}`).toString('base64')}`;
	return (await fetch(`${url}/webhook/${DOOR}`, { headers: { authorization, connection: 'close' } })).status;
}

it('backs up this n8n by the nightly template, and a second one starts from it, with its owner, workflows and credentials', async () => {
	const httpBasicAuth = await n8n.createCredential('door', 'httpBasicAuth', { user: 'anna', password: 'open sesame' });
	const parameters = { httpMethod: 'GET', path: DOOR, authentication: 'basicAuth', responseMode: 'onReceived' };
	const door = {
		name: 'Door',
		type: 'n8n-nodes-base.webhook',
		typeVersion: 2,
		parameters,
		credentials: { httpBasicAuth },
	};
	await n8n.activate(await n8n.createWorkflow({ name: 'Door', nodes: [door], connections: {} }));

	const database = n8n.connection.database!;
	const backupEncryptionApi = await n8n.createCredential('encryption', 'backupEncryptionApi', {
		passphrase: 'a long one',
	});
	const postgres = await n8n.createCredential('own server', 'postgres', { ...database, ssl: 'disable' });
	const { node } = await NodeRunner.withFolder(n8n, NODE_TYPE, { backupEncryptionApi, postgres });
	const nightly = withCredentials(template('n8n-nightly-instance-backup.json'), { [NODE_TYPE]: node.credentials });
	await publishNow(n8n, nightly, 'n8n-instance-now');
	expect((await n8n.webhook('n8n-instance-now', {})).body).toMatchObject({
		status: 'success',
		backups: [{ name: 'n8n', state: expect.stringMatching(/^whole, encrypted/) }],
	});

	const targetFolder = join(freshFilesFolder(n8n), 'restored');
	const newDatabase = 'n8n_restored_e2e';
	const chosen = { ...backup('latest', 'n8n'), targetFolder, intoPostgres: true, newDatabase };
	const [restored] = await node.ok('restoreInstance', chosen);
	expect(restored).toMatchObject({
		n8nVersion: expect.stringMatching(/^\d+\.\d+\.\d+$/),
		database: newDatabase,
		environment: { DB_TYPE: 'postgresdb', DB_POSTGRESDB_DATABASE: newDatabase },
	});
	expect(readdirSync(join(targetFolder, '.n8n'))).toContain('config');
	expect(existsSync(join(targetFolder, '.n8n/database.sqlite'))).toBe(false);

	const second = await startN8n({
		userFolder: targetFolder,
		database: { ...database, database: newDatabase },
		restored: true,
	});
	try {
		const { items } = await second.rest<{ items: Array<{ email: string }> }>('GET', '/users');
		expect(items.map(({ email }) => email)).toContain(n8n.connection.email);
		expect(await knock(second.url, 'something else')).toBe(401);
		expect(await knock(second.url, 'open sesame')).toBe(200);
	} finally {
		await second.stop();
	}
});
