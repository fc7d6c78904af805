import { afterEach, beforeEach, expect, it } from 'vitest';
import type { NodeCredentials } from '../services/n8n-client';
import { type MailReceiver, startMailReceiver } from '../services/smtp';
import { sharedN8n } from './harness';
import { backupsIn, NODE_TYPE, pruneNode, writeDaily } from '../nodes/retention-support';
import { outputsOf } from '../nodes/verify-support';
import { publishNow, template, withCredentials } from './templates';

const n8n = await sharedN8n();
let mail: MailReceiver;

beforeEach(async () => {
	mail = await startMailReceiver();
});

afterEach(async () => {
	await mail?.stop();
});

/** The template, published with its credentials and a policy in its dry run; runs it and answers how it ended. */
async function nightly(path: string, storage: NodeCredentials, policy: Record<string, unknown>) {
	const { host, port } = mail;
	const smtp = await n8n.createCredential('mail', 'smtp', { host, port, secure: false, disableStartTls: true });
	const credentials = { [NODE_TYPE]: storage, 'n8n-nodes-base.emailSend': { smtp } };
	const workflow = withCredentials(template('retention-nightly-prune.json'), credentials);
	const nodes = workflow.nodes.map((one) =>
		one.name === 'Dry Run' ? { ...one, parameters: { ...(one['parameters'] as object), ...policy } } : one,
	);
	const id = await publishNow(n8n, { ...workflow, nodes }, path);
	await n8n.webhook(path, {});
	const [started] = await n8n.executions(id);
	return await n8n.execution(started!.id);
}

const KEEP_THREE = { policy: 'custom', rules: { last: 3 } };

it('mails what would go, and then prunes just that, by the nightly template', async () => {
	const { node, storage } = await pruneNode(n8n);
	const keys = await writeDaily(storage, 5);
	const docs = await writeDaily(storage, 5, { kind: 'qdrant', name: 'docs' });
	const policy = { ...KEEP_THREE, options: { folders: ['postgres/'] } };
	const execution = await nightly('prune-now', node.credentials, policy);
	expect(execution.status).toBe('success');
	const [backups, summary] = outputsOf(execution, 'Prune');
	expect(backups).toHaveLength(5);
	expect(summary).toMatchObject([{ dryRun: false, deleted: 2, kept: 3 }]);
	expect((await backupsIn(storage)).own.sort()).toEqual([...keys.slice(0, 3), ...docs].sort());
	expect(mail.mails).toMatchObject([{ from: 'n8n@example.com', to: ['admin@example.com'] }]);
	const { content } = mail.mails[0]!;
	expect(content).toContain('Subject: Retention: 2 would be deleted, 3 would stay');
	expect(content).toMatch(/Would be deleted \(2\)[^]*<h3>Would be deleted \(2\)<\/h3>/);
	for (const key of keys) expect(content).toContain(key);
});

it('mails the refusal and ends with an error, by the nightly template', async () => {
	const { node, storage } = await pruneNode(n8n);
	const keys = await writeDaily(storage, 9);
	const execution = await nightly('prune-refused', node.credentials, KEEP_THREE);
	expect(execution.status).toBe('error');
	expect(execution.data.resultData.error?.message).toMatch(/^Retention failed: Nothing was deleted: 6 of 9/);
	expect((await backupsIn(storage)).own).toEqual(keys);
	expect(mail.mails.map(({ content }) => /Subject: (.*?) (From|To|Date|Message-ID):/.exec(content)?.[1])).toEqual([
		expect.stringMatching(/^Retention: refused/),
		expect.stringMatching(/^Retention failed: Nothing was deleted: 6 of 9/),
	]);
	expect(mail.mails[1]!.content).toMatch(/allow a larger share[^]*What the policy would delete \(6\)/);
});

it('mails that the storage could not be looked at, by the nightly template', async () => {
	const { node } = await pruneNode(n8n);
	const backupStorageApi = await n8n.createCredential('elsewhere', 'backupStorageApi', {
		type: 'folder',
		folderPath: '/proc/nowhere',
	});
	const execution = await nightly('prune-nowhere', { ...node.credentials, backupStorageApi }, KEEP_THREE);
	expect(execution.status).toBe('error');
	expect(mail.mails).toHaveLength(1);
	expect(mail.mails[0]!.content).toContain('does not let nodes use the folder');
});

it('prunes nothing where the dry run cannot be mailed, by the nightly template', async () => {
	const { node, storage } = await pruneNode(n8n);
	const keys = await writeDaily(storage, 5);
	mail.refuse();
	const execution = await nightly('prune-unmailed', node.credentials, KEEP_THREE);
	expect(execution.status).toBe('error');
	expect(mail.mails).toEqual([]);
	expect((await backupsIn(storage)).own).toEqual(keys);
});
