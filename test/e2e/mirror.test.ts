import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';

import { byName, NodeRunner } from '../nodes/node-runner';
import { PACKAGE } from '../nodes/workflow';
import { startFaultyProxy } from '../services/faultyProxy';
import { startS3rver } from '../services/s3/s3rver';
import type { S3Server } from '../services/s3/server';
import { type MailReceiver, startMailReceiver } from '../services/smtp';
import { sharedN8n } from './harness';
import { publishNow, template, withCredentials, withSettings } from './templates';

const n8n = await sharedN8n();
const NODE_TYPE = `${PACKAGE}.minioMirror`;
let near: S3Server;
let far: S3Server;
let mail: MailReceiver;

beforeAll(async () => {
	[near, far] = await Promise.all([startS3rver(), startS3rver()]);
});

afterAll(async () => {
	await Promise.all([near?.stop(), far?.stop()]);
});

beforeEach(async () => {
	mail = await startMailReceiver();
});

afterEach(async () => {
	await mail?.stop();
});

/** Credentials for a server with objects to mirror, and for another one to mirror them to. */
async function credentialsFor(target = far.endpoint) {
	const access = ({ region, accessKeyId, secretAccessKey }: S3Server) => ({ region, accessKeyId, secretAccessKey });
	const s3 = { ...access(near), endpoint: near.endpoint, forcePathStyle: true, sessionToken: '' };
	const storage = { type: 's3', ...access(far), endpoint: target, bucket: 'backups' };
	return {
		s3: await n8n.createCredential('near', 's3', s3),
		backupStorageApi: await n8n.createCredential('far', 'backupStorageApi', storage),
	};
}

const NAMES = Array.from({ length: 20 }, (_, index) => `d/${index + 10}`);

async function buckets(): Promise<{ from: string; to: string }> {
	const [from, to] = [await near.createBucket(), await far.createBucket()];
	for (const name of NAMES) await near.client.putObject(from, name, `Of ${name}.`);
	return { from, to };
}

async function namesIn({ client }: S3Server, bucket: string): Promise<string[]> {
	const names: string[] = [];
	for await (const item of client.listObjectsV2(bucket, '', true)) names.push((item as { name: string }).name);
	return names.filter((name) => !name.startsWith('.stack-backup-'));
}

const subjects = () => mail.mails.map(({ content }) => /Subject: (.*?) (From|To|Date|Message-ID):/.exec(content)?.[1]);

it('mirrors every hour, mails what it does not dare to remove, and removes the rest, by the template', async () => {
	const { from, to } = await buckets();
	await far.client.putObject(to, 'of-somebody', 'Else.');
	const { host, port } = mail;
	const smtp = await n8n.createCredential('mail', 'smtp', { host, port, secure: false, disableStartTls: true });
	const credentials = { [NODE_TYPE]: await credentialsFor(), 'n8n-nodes-base.emailSend': { smtp } };
	const settings = { fromBucket: from, toBucket: to, mostRemoved: 2 };
	const workflow = withSettings(withCredentials(template('minio-hourly-mirror.json'), credentials), settings);
	const id = await publishNow(n8n, workflow, 'mirror-now');
	const hour = async () => {
		await n8n.webhook('mirror-now', {});
		const [last] = await n8n.executions(id);
		const execution = await n8n.execution(last!.id);
		expect(execution.data.resultData.error?.message).toBeUndefined();
		expect(execution.status).toBe('success');
	};

	await hour();
	expect(await namesIn(far, to)).toEqual([...NAMES, 'of-somebody']);
	expect(subjects()).toEqual(['First mirror: 1 would be removed']);
	expect(mail.mails[0]!.content).toMatch(/Would be added: 20 .*Would be removed: 1 .*of-somebody/);

	await hour();
	expect(await namesIn(far, to)).toEqual(NAMES);
	expect(mail.mails).toHaveLength(1);

	for (const name of NAMES.slice(0, 3)) await near.client.removeObject(from, name);
	await near.client.putObject(from, 'new', 'New.');
	await hour();
	expect(await namesIn(far, to)).toEqual([...NAMES, 'new']);
	expect(subjects()).toEqual([expect.anything(), 'Nothing was removed from the mirror: 3 would be removed']);
	expect(mail.mails[1]!.content).toMatch(/raise mostRemoved.*d\/10 d\/11 d\/12/);

	await near.client.putObject(from, NAMES[0]!, 'Back again.');
	await hour();
	expect(await namesIn(far, to)).toEqual([NAMES[0], ...NAMES.slice(3), 'new']);
	expect(mail.mails).toHaveLength(2);
});

it('mails what went wrong and ends with an error, by the template', async () => {
	const { to } = await buckets();
	const { host, port } = mail;
	const smtp = await n8n.createCredential('mail', 'smtp', { host, port, secure: false, disableStartTls: true });
	const credentials = { [NODE_TYPE]: await credentialsFor(), 'n8n-nodes-base.emailSend': { smtp } };
	const settings = { fromBucket: 'no-such-bucket', toBucket: to };
	const workflow = withSettings(withCredentials(template('minio-hourly-mirror.json'), credentials), settings);
	const id = await publishNow(n8n, workflow, 'mirror-nothing');
	await n8n.webhook('mirror-nothing', {});
	const [last] = await n8n.executions(id);
	const execution = await n8n.execution(last!.id);
	expect(execution.status).toBe('error');
	expect(execution.data.resultData.error?.message).toMatch(/^Mirror failed: .*no-such-bucket/);
	expect(mail.mails[0]!.content).toMatch(/no-such-bucket.*Choose one from the list/);
});

it('ends at once when it is stopped, and the next run goes on', async () => {
	const { from, to } = await buckets();
	const proxy = await startFaultyProxy(far.endpoint);
	proxy.faults.push({ when: /^PUT .*d(\/|%2F)20/, times: 1, act: { kind: 'stall' } });
	try {
		const node = new NodeRunner(n8n, NODE_TYPE, await credentialsFor(proxy.endpoint));
		const parameters = { servers: 'to', fromBucket: byName(from), toBucket: byName(to) };
		const workflow = await node.workflow('mirror', parameters);
		const answer = workflow.start();
		const id = await workflow.running();
		while (proxy.faults[0]!.times > 0 || (await namesIn(far, to)).length < NAMES.length - 1) await sleep(20);
		await n8n.stopExecution(id);
		expect((await workflow.finished(id)).status).toBe('canceled');
		await answer;
		while (proxy.openConnections() > 0) await sleep(20);
		const [next] = await node.ok('mirror', parameters);
		expect(next).toMatchObject({ isFirst: false, state: 'complete' });
		expect(Number(next!['added']) + Number(next!['changed'])).toBeLessThan(NAMES.length);
		expect(await namesIn(far, to)).toEqual(NAMES);
	} finally {
		await proxy.stop();
	}
});
