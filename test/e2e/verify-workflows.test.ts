import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { type PostgresServer, startPostgres } from '../services/postgres';
import { type MailReceiver, startMailReceiver } from '../services/smtp';
import { sharedN8n } from './harness';
import { type Json, NodeRunner } from '../nodes/node-runner';
import { createShop, NODE_TYPE as DUMP, postgresData } from '../nodes/postgres-support';
import { publishNow, template, withCredentials } from './templates';
import { copyBackup, flipBit, NODE_TYPE, outputsOf } from '../nodes/verify-support';

const n8n = await sharedN8n();
let postgres: PostgresServer;
let mail: MailReceiver;

beforeAll(async () => {
	postgres = await startPostgres({ version: 18 });
	await createShop(postgres, 'shop');
});

afterAll(async () => {
	await postgres?.stop();
});

beforeEach(async () => {
	mail = await startMailReceiver();
});

afterEach(async () => {
	await mail?.stop();
});

/** A fresh storage with a backup of the shop. */
async function backedUp() {
	const server = await n8n.createCredential('server', 'postgres', postgresData(postgres, 'shop'));
	const { folder, node } = await NodeRunner.withFolder(n8n, DUMP, { postgres: server });
	const [made] = await node.ok('backUp');
	const { backupStorageApi } = node.credentials;
	const again = async () => (await node.ok('backUp'))[0]!['key'] as string;
	return { folder, key: made!['key'] as string, again, credentials: { backupStorageApi: backupStorageApi! } };
}

type BackedUp = Awaited<ReturnType<typeof backedUp>>;

async function runNow(file: string, path: string, { credentials }: BackedUp) {
	const { host, port } = mail;
	const smtp = await n8n.createCredential('mail', 'smtp', { host, port, secure: false, disableStartTls: true });
	const all = { [NODE_TYPE]: credentials, 'n8n-nodes-base.emailSend': { smtp } };
	const id = await publishNow(n8n, withCredentials(template(file), all), path);
	await n8n.webhook(path, {});
	const [started] = await n8n.executions(id);
	return await n8n.execution(started!.id);
}

it('restores the newest for a test and reads the others, by the weekly template', async () => {
	const stored = await backedUp();
	const newest = await stored.again();
	// The same name in another folder is another series, which has a newest of its own.
	const other = copyBackup(stored.folder, stored.key, 'other');
	const execution = await runNow('verify-weekly.json', 'verify-weekly', stored);
	expect(execution.data.resultData.error).toBeUndefined();
	expect(execution.status).toBe('success');
	const [[summary]] = outputsOf(execution, 'Summary') as [[Json]];
	expect(summary['failed']).toEqual([]);
	const reached = (summary['passed'] as Json[]).map(({ key, reached: level }) => [key as string, level as string]);
	expect(Object.fromEntries(reached)).toEqual({ [newest]: 'restore', [stored.key]: 'content', [other]: 'restore' });
});

it('ends with an error that names what is bad and what to do, by the weekly template', async () => {
	const stored = await backedUp();
	const copy = copyBackup(stored.folder, stored.key, 'other');
	for (const key of [copy, stored.key]) flipBit(join(stored.folder, key));
	const execution = await runNow('verify-weekly.json', 'verify-weekly-bad', stored);
	expect(execution.status).toBe('error');
	const message = execution.data.resultData.error?.message;
	expect(message).toMatch(/^Backups not verified: /);
	for (const key of [copy, stored.key]) expect(message).toContain(`${key} (failed): `);
});

it('mails the report of a drill, by the monthly template', async () => {
	const execution = await runNow('drill-monthly.json', 'drill-good', await backedUp());
	expect(execution.status).toBe('success');
	expect(mail.mails).toMatchObject([{ from: 'n8n@example.com', to: ['admin@example.com'] }]);
	expect(mail.mails[0]!.content).toMatch(
		/Subject: Drill passed: 1 backup, back in .*Recovery time: .*- shop \(postgres\): passed/,
	);
});

it('mails a drill that has failed, and ends with an error, by the monthly template', async () => {
	const stored = await backedUp();
	flipBit(join(stored.folder, stored.key));
	const execution = await runNow('drill-monthly.json', 'drill-bad', stored);
	expect(execution.status).toBe('error');
	expect(execution.data.resultData.error?.message).toMatch(/^Drill failed: 1 backup.* shop: /);
	expect(mail.mails).toHaveLength(1);
	expect(mail.mails[0]!.content).toMatch(/Subject: Drill failed: 1 backup/);
});
