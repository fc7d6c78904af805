import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, expect, it } from 'vitest';

import type { NodeRunner } from '../nodes/node-runner';
import { createShop, dumpNode, NODE_TYPE } from '../nodes/postgres-support';
import { PACKAGE } from '../nodes/workflow';
import type { NodeCredentials, WorkflowJson } from '../services/n8n-client';
import { type PostgresServer, startPostgres } from '../services/postgres';
import { freePort } from '../services/process';
import { type MailReceiver, startMailReceiver } from '../services/smtp';
import { sharedN8n } from './harness';
import { publishNow, template, withCredentials, withSettings } from './templates';

const n8n = await sharedN8n();
let server: PostgresServer;
let node: NodeRunner;
let folder: string;
let mail: MailReceiver;
let checks: Server;
/** What the check was told: `POST /abc/start n8n execution 7`. */
const pings: string[] = [];
/** Whether the check answers with an error. */
let isDown = false;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	await createShop(server, 'shop');
	({ node, folder } = await dumpNode(n8n, server, 'shop'));
	mail = await startMailReceiver();
	checks = createServer((request, response) => {
		void text(request).then((body) => {
			pings.push(`${request.method} ${request.url} ${body}`);
			response.statusCode = isDown ? 503 : 200;
			response.end('OK');
		});
	});
	checks.listen(0, '127.0.0.1');
	await once(checks, 'listening');
});

afterAll(async () => {
	checks?.close();
	await mail?.stop();
	await server?.stop();
});

/** Runs a template once; how its execution ended. */
async function run(workflow: WorkflowJson, path: string): Promise<string> {
	const id = await publishNow(n8n, workflow, path);
	await n8n.webhook(path, {});
	const [started] = await n8n.executions(id);
	return (await n8n.execution(started!.id)).status;
}

function pinging(credentials: Record<string, NodeCredentials>): WorkflowJson {
	const { port } = checks.address() as AddressInfo;
	const whole = withCredentials(template('healthchecks-pings.json'), credentials);
	return withSettings(whole, { pingUrl: `http://127.0.0.1:${port}/abc/` });
}

/** The postgres credential of a server that is not there. */
async function goneServer(): Promise<NodeCredentials> {
	const data = {
		host: '127.0.0.1',
		port: await freePort(),
		database: 'shop',
		user: 'a',
		password: 'b',
		ssl: 'disable',
	};
	return { ...node.credentials, postgres: await n8n.createCredential('gone', 'postgres', data) };
}

it('tells a check that a run begins, and that it succeeded with what was stored', async () => {
	expect(await run(pinging({ [NODE_TYPE]: node.credentials }), 'pings-good')).toBe('success');
	expect(pings.splice(0)).toEqual([
		expect.stringMatching(/^POST \/abc\/start n8n execution \d+$/),
		expect.stringMatching(/^POST \/abc globals: globals_\S+\.sql\.zst, .*\n.*\nshop: shop_\S+\.sql\.zst, \d/),
	]);
});

it('tells a check the reasons of a failure, and ends the run with them', async () => {
	expect(await run(pinging({ [NODE_TYPE]: await goneServer() }), 'pings-bad')).toBe('error');
	expect(pings.splice(0)).toEqual([
		expect.stringContaining('POST /abc/start'),
		expect.stringMatching(/^POST \/abc\/fail .*127\.0\.0\.1/),
	]);
});

it('backs up all the same where the check does not answer', async () => {
	isDown = true;
	expect(await run(pinging({ [NODE_TYPE]: node.credentials }), 'pings-down')).toBe('success');
	isDown = false;
	expect(new Set(pings.splice(0).map((ping) => ping.split(' ', 2)[1]))).toEqual(new Set(['/abc/start', '/abc']));
});

it('mails a report of what a run made and what failed in it, and ends it with an error', async () => {
	const { host, port } = mail;
	const smtp = await n8n.createCredential('mail', 'smtp', { host, port, secure: false, disableStartTls: true });
	const qdrantUrl = `http://127.0.0.1:${await freePort()}`;
	const { backupStorageApi } = node.credentials as { backupStorageApi: NodeCredentials[string] };
	const credentials = {
		[NODE_TYPE]: node.credentials,
		[`${PACKAGE}.qdrantSnapshot`]: {
			backupStorageApi,
			qdrantApi: await n8n.createCredential('gone', 'qdrantApi', { qdrantUrl, apiKey: '' }),
		},
		[`${PACKAGE}.backupReport`]: { backupStorageApi },
		'n8n-nodes-base.emailSend': { smtp },
	};
	expect(await run(withCredentials(template('report-after-backup.json'), credentials), 'report-after')).toBe('error');
	const report = JSON.parse(readFileSync(join(folder, 'backup_report.json'), 'utf8')) as {
		components: Record<string, { backups: { name: string }[] }>;
		errors: string[];
	};
	const { components, errors } = report;
	expect(components['postgres']?.backups.map(({ name }) => name).sort()).toEqual(['globals', 'postgres', 'shop']);
	expect(errors).toEqual([expect.stringContaining(qdrantUrl.slice(7))]);
	expect(mail.mails).toHaveLength(1);
	expect(mail.mails[0]!.content).toContain('postgres shop');
});

/** The newest run of a workflow that n8n starts by itself, once it has ended; ids of runs that are known do not count. */
async function nextRun(id: string, known: number): Promise<string> {
	for (;;) {
		const all = await n8n.executions(id);
		if (all.length > known && !['new', 'running'].includes(all[0]!.status)) return all[0]!.status;
		await sleep(100);
	}
}

it('tells by mail and in Slack what failed and what the storage says of it, by the error workflow', async () => {
	const { host, port } = mail;
	const smtp = await n8n.createCredential('mail', 'smtp', { host, port, secure: false, disableStartTls: true });
	const { backupStorageApi } = node.credentials as { backupStorageApi: NodeCredentials[string] };
	const chosen = { [`${PACKAGE}.backupReport`]: { backupStorageApi }, 'n8n-nodes-base.emailSend': { smtp } };
	const slackWebhook = `http://127.0.0.1:${(checks.address() as AddressInfo).port}/slack`;
	const addresses = { mailFrom: 'n8n@example.com', mailTo: 'admin@example.com', slackWebhook };
	const alert = withSettings(withCredentials(template('error-alert.json'), chosen), addresses);
	const errorWorkflow = await n8n.createWorkflow(alert);
	await n8n.activate(errorWorkflow);
	const daily = withCredentials(template('postgres-daily-backup.json'), { [NODE_TYPE]: await goneServer() });
	const told = mail.mails.length;
	const failing = await publishNow(n8n, { ...daily, settings: { ...daily.settings, errorWorkflow } }, 'failing-now');
	await n8n.webhook('failing-now', {});
	expect(await nextRun(errorWorkflow, 0)).toBe('success');
	expect(mail.mails).toHaveLength(told + 1);
	const { content } = mail.mails.at(-1)!;
	expect(content).toContain('Subject: Failed: PostgreSQL daily backup, Stop and Error');
	expect(content).toMatch(/Message: Backups failed: .*127\.0\.0\.1/);
	expect(content).toContain(`/workflow/${failing}/executions/`);
	expect(content).toMatch(/Backups: - critical: The last back up of postgres at 127\.0\.0\.1:\d+ failed/);
	expect(pings.splice(0)).toEqual([expect.stringMatching(/^POST \/slack \{"text":"\*Failed: PostgreSQL daily backup/)]);
	// Where one of the two cannot be told, the other is, and it shows.
	mail.refuse();
	await n8n.webhook('failing-now', {});
	expect(await nextRun(errorWorkflow, 1)).toBe('error');
	expect(pings.splice(0)).toEqual([expect.stringMatching(/^POST \/slack /)]);
});
