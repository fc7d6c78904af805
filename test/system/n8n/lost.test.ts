import { join } from 'node:path';

import { expect, it, onTestFinished } from 'vitest';

import { publishNow, template, withCredentials } from '../../e2e/templates';
import { folder } from '../../integration/n8n/instance/stage';
import { backup } from '../../nodes/node-runner';
import { PACKAGE } from '../../nodes/workflow';
import { removeFolder, temporaryFolder } from '../../services/guard';
import { startN8n, type N8nOptions } from '../../services/n8n';
import { fill, give, keepBusy, knock, taken } from './door';

const ROOT = join(__dirname, '../../..');
const NODE_TYPE = `${PACKAGE}.n8nExport`;

/** An n8n on SQLite, with the credentials that its user makes first: the place of the backups, and their passphrase. */
async function n8nWith(storage: string, { env, ...options }: N8nOptions) {
	const allowed = { N8N_RESTRICT_FILE_ACCESS_TO: storage };
	const n8n = await startN8n({ database: 'sqlite', packageFolder: ROOT, ...options, env: { ...allowed, ...env } });
	onTestFinished(() => n8n.stop());
	const place = { type: 'folder', folderPath: storage };
	const credentials = {
		backupStorageApi: await n8n.createCredential('backups', 'backupStorageApi', place),
		backupEncryptionApi: await n8n.createCredential('secret', 'backupEncryptionApi', {
			passphrase: 'a long passphrase',
		}),
	};
	return { n8n, credentials };
}

it('a lost n8n on SQLite comes back as its page says: backed up by itself while it executes, restored by another one, and started', async () => {
	const storage = folder();
	const userFolder = temporaryFolder('n8n-lost');
	const env = { N8N_STACK_BACKUP_ALLOW_INSTANCE: 'true' };
	const lost = await n8nWith(storage, { userFolder, env });
	await fill(lost.n8n);
	const file = await give(lost.n8n, 'content of a file');
	const nightly = withCredentials(template('n8n-nightly-instance-backup.json'), { [NODE_TYPE]: lost.credentials });
	await publishNow(lost.n8n, nightly, 'nightly');
	const rest = keepBusy(lost.n8n, 3);
	const { body } = await lost.n8n.webhook('nightly', {});
	expect(await rest()).toBeGreaterThan(0);
	expect(body).toMatchObject({ status: 'success', backups: [{ state: 'whole, encrypted' }] });
	// It executes as before.
	expect(await knock(lost.n8n.url, 'open sesame')).toBe(200);
	await lost.n8n.stop();
	removeFolder(userFolder);

	const helper = await n8nWith(storage, {});
	const targetFolder = join(storage, 'restored');
	const chosen = { operation: 'restoreInstance', ...backup('latest', 'n8n'), targetFolder };
	const restore = {
		name: 'Restore Instance',
		type: NODE_TYPE,
		credentials: helper.credentials,
		parameters: { resource: 'instance', ...chosen },
	};
	const trigger = { httpMethod: 'POST', path: 'restore', responseMode: 'lastNode' };
	await helper.n8n.activate(
		await helper.n8n.createWorkflow({
			name: 'Restore',
			nodes: [{ name: 'Webhook', type: 'n8n-nodes-base.webhook', typeVersion: 2, parameters: trigger }, restore],
			connections: { Webhook: { main: [[{ node: 'Restore Instance', type: 'main', index: 0 }]] } },
		}),
	);
	const restored = (await helper.n8n.webhook('restore', {})).body;
	expect(restored).toMatchObject({ folder: targetFolder, database: 'SQLite', n8nVersion: expect.any(String) });
	await helper.n8n.stop();

	// Its owner logs in, as before.
	const again = await startN8n({ database: 'sqlite', userFolder: targetFolder, restored: true });
	onTestFinished(() => again.stop());
	expect(await knock(again.url, 'open sesame')).toBe(200);
	expect(await knock(again.url, 'something else')).toBe(401);
	expect(await taken(again, file)).toBe('content of a file');
	expect((await again.executions()).length).toBeGreaterThan(1);
});
