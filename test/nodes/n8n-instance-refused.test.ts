import { expect, it, onTestFinished, vi } from 'vitest';
import { makeInstance, PASSPHRASE } from '../integration/n8n/instance/stage';
import { inProcessN8n } from './harness';
import { NodeRunner, storedIn } from './node-runner';
import { PACKAGE } from './workflow';

const ALLOW = 'N8N_STACK_BACKUP_ALLOW_INSTANCE';
const NODE_TYPE = `${PACKAGE}.n8nExport`;
delete process.env[ALLOW];
const n8n = await inProcessN8n();

async function stage() {
	vi.stubEnv('N8N_USER_FOLDER', makeInstance().root);
	vi.stubEnv(ALLOW, undefined);
	onTestFinished(() => void vi.unstubAllEnvs());
	const backupEncryptionApi = await n8n.createCredential('encryption', 'backupEncryptionApi', {
		passphrase: PASSPHRASE,
	});
	return await NodeRunner.withFolder(n8n, NODE_TYPE, { backupEncryptionApi });
}

it('reads nothing of n8n unless its administrator has allowed it', async () => {
	const { node, folder } = await stage();
	const said = await node.fails('backUpInstance');
	expect(said).toContain('Backing up the instance is not allowed on this n8n');
	expect(said).toContain(`${ALLOW}=true`);
	expect(storedIn(folder)).toEqual([]);
});

it('is allowed by no expression, also where these reach the environment of n8n', async () => {
	const { node, folder } = await stage();
	vi.stubEnv('N8N_BLOCK_ENV_ACCESS_IN_NODE', 'false');
	const parameters = { operation: 'listBackups', simplify: `={{ (process.env.${ALLOW} = 'true') === 'true' }}` };
	const before = { type: NODE_TYPE, parameters, settings: { alwaysOutputData: true } };
	const { status, error } = await (await node.workflow('backUpInstance', {}, {}, [before])).run();
	// The expression has set the variable of this very process.
	expect(process.env[ALLOW]).toBe('true');
	expect([status, error?.message]).toEqual(['error', expect.stringContaining('is not allowed on this n8n')]);
	expect(storedIn(folder)).toEqual([]);
});
