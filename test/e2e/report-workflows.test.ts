import { readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { FolderStorage } from '../../engine';
import { NodeRunner } from '../nodes/node-runner';
import { writeBackup, writeDaily } from '../nodes/retention-support';
import { PACKAGE } from '../nodes/workflow';
import type { NodeCredentials } from '../services/n8n-client';
import { type MailReceiver, startMailReceiver } from '../services/smtp';
import { sharedN8n } from './harness';
import { publishNow, template, withCredentials } from './templates';

const NODE_TYPE = `${PACKAGE}.backupReport`;
const n8n = await sharedN8n();
let mail: MailReceiver;
let folder: string;
let storage: FolderStorage;
let credentials: Record<string, NodeCredentials>;
let keys: string[];

beforeAll(async () => {
	mail = await startMailReceiver();
	const runner = await NodeRunner.withFolder(n8n, NODE_TYPE, {});
	folder = runner.folder;
	storage = new FolderStorage({ root: folder });
	keys = await writeDaily(storage, 2);
	const { host, port } = mail;
	const smtp = await n8n.createCredential('mail', 'smtp', { host, port, secure: false, disableStartTls: true });
	credentials = { [NODE_TYPE]: runner.node.credentials, 'n8n-nodes-base.emailSend': { smtp } };
});

afterAll(async () => {
	await mail?.stop();
});

const subjects = () => mail.mails.map(({ content }) => /Subject: (.*?) (From|To|Date|Message-ID):/.exec(content)?.[1]);

/** Publishes a template that a browser or Prometheus reads, and answers how to. */
async function published(file: string) {
	const user = { user: 'ops', password: 'open sesame' };
	const httpBasicAuth = await n8n.createCredential('page', 'httpBasicAuth', user);
	const whole = withCredentials(template(file), { ...credentials, Webhook: { httpBasicAuth } });
	await n8n.activate(await n8n.createWorkflow(whole));
	const Authorization = `Basic ${Buffer.from('ops:open sesame').toString('base64')}`;
	return async (path: string, isAllowed = true) =>
		await fetch(`${n8n.url}/webhook/${path}`, isAllowed ? { headers: { Authorization } } : {});
}

it('answers a browser with the status page, by its template', async () => {
	const get = await published('report-status-page.json');
	expect((await get('backup-status', false)).status).toBe(401);
	const answer = await get('backup-status');
	expect(answer.status).toBe(200);
	expect(answer.headers.get('content-type')).toMatch(/^text\/html/);
	const page = await answer.text();
	expect(page).toMatch(/^<!DOCTYPE html>/);
	expect(page).toContain('postgres shop');
});

it('answers Prometheus with metrics, by their template', async () => {
	const get = await published('report-metrics.json');
	const answer = await get('backup-metrics');
	expect(answer.headers.get('content-type')).toMatch(/^text\/plain;.*version=0\.0\.4/);
	const metrics = await answer.text();
	expect(metrics).toMatch(/^stack_backup_backups\{kind="postgres",name="shop"\} 2$/m);
	expect(metrics).toMatch(/^rag_backup_success\{kind="postgres",name="shop"\} 1$/m);
});

it('mails a problem once, and that it is over, by the template of alerts', async () => {
	const workflow = withCredentials(template('report-alerts.json'), credentials);
	const nodes = workflow.nodes.map((one) =>
		one.name === 'Check Alerts'
			? { ...one, parameters: { ...(one['parameters'] as object), options: { unverifiedDays: 0, lowStorage: 0 } } }
			: one,
	);
	const id = await publishNow(n8n, { ...workflow, nodes }, 'alerts-now');
	const run = async () => {
		await n8n.webhook('alerts-now', {});
		const [started] = await n8n.executions(id);
		expect((await n8n.execution(started!.id)).status).toBe('success');
	};
	await run();
	expect(subjects()).toEqual([]);
	truncateSync(join(folder, keys[0]!), 1);
	await run();
	await run();
	expect(subjects()).toEqual([expect.stringMatching(/^Backups: \d new problems?; /)]);
	expect(mail.mails[0]!.content).toContain(keys[0]);
	await writeBackup(storage, 0);
	await run();
	expect(subjects()[1]).toMatch(/^Backups: all clear: \d (is|are) over/);
	await run();
	expect(subjects()).toHaveLength(2);
});

it('mails the report of the morning and leaves it in the storage, by its template', async () => {
	const id = await publishNow(n8n, withCredentials(template('report-daily-mail.json'), credentials), 'report-now');
	await n8n.webhook('report-now', {});
	const [started] = await n8n.executions(id);
	expect((await n8n.execution(started!.id)).status).toBe('success');
	const report = JSON.parse(readFileSync(join(folder, 'backup_report.json'), 'utf8')) as { status: string };
	// Nothing was verified yet.
	expect(report.status).toBe('warning');
	expect(subjects().at(-1)).toMatch(/^Backups: it is safe; one thing needs a look/);
});
