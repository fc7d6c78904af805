import { afterAll, beforeAll, expect, it } from 'vitest';
import { NodeRunner } from '../nodes/node-runner';
import { outputsOf } from '../nodes/verify-support';
import { PACKAGE } from '../nodes/workflow';
import { startS3rver } from '../services/s3/s3rver';
import type { S3Server } from '../services/s3/server';
import { type MailReceiver, startMailReceiver } from '../services/smtp';
import { sharedN8n } from './harness';
import { publishNow, template, withCredentials } from './templates';

const n8n = await sharedN8n();
const NODE_TYPE = `${PACKAGE}.minioMirror`;
let server: S3Server;
let mail: MailReceiver;

beforeAll(async () => {
	server = await startS3rver();
	mail = await startMailReceiver();
});

afterAll(async () => {
	await server?.stop();
	await mail?.stop();
});

it('backs all buckets up by the nightly template, verifies and prunes, and mails of a bucket that cannot be', async () => {
	const { endpoint, region, accessKeyId, secretAccessKey } = server;
	const data = { endpoint, region, accessKeyId, secretAccessKey, forcePathStyle: true };
	const s3 = await n8n.createCredential('objects', 's3', data);
	const { node } = await NodeRunner.withFolder(n8n, NODE_TYPE, { s3 });
	const { host, port } = mail;
	const smtp = await n8n.createCredential('mail', 'smtp', { host, port, secure: false, disableStartTls: true });
	const { backupStorageApi } = node.credentials;
	const workflow = withCredentials(template('minio-nightly-backup.json'), {
		[NODE_TYPE]: node.credentials,
		[`${PACKAGE}.verifyArchive`]: { backupStorageApi: backupStorageApi! },
		[`${PACKAGE}.pruneRetention`]: { backupStorageApi: backupStorageApi! },
		'n8n-nodes-base.emailSend': { smtp },
	});
	await server.createBucket('invoices');
	await server.createBucket('offers');
	await server.client.putObject('invoices', '2026/1.txt', 'One.');
	await server.client.putObject('offers', '2026/1.txt', 'Two.');
	const id = await publishNow(n8n, workflow, 'minio-now');
	const night = async () => {
		const { body } = await n8n.webhook('minio-now', {});
		const [started] = await n8n.executions(id);
		return { body, execution: await n8n.execution(started!.id) };
	};
	const first = await night();
	expect(first.body).toMatchObject({
		status: 'success',
		backups: [
			{ name: 'invoices', objects: 1, state: 'whole' },
			{ name: 'offers', objects: 1, state: 'whole' },
		],
		verified: 2,
		deleted: 0,
	});
	await server.client.putObject('offers', '2026/2.txt', 'Three.');
	expect((await night()).body).toMatchObject({
		backups: [
			{ name: 'invoices', objects: 1, state: 'incremental' },
			{ name: 'offers', objects: 2, state: 'incremental' },
		],
		verified: 2,
	});
	expect(mail.mails).toEqual([]);
	const withOneThatIsNot = workflow.nodes.map((one) =>
		one.name === 'Back Up'
			? { ...one, parameters: { ...(one.parameters as object), bucketMode: 'chosen', buckets: ['none', 'offers'] } }
			: one,
	);
	const other = await publishNow(n8n, { ...workflow, nodes: withOneThatIsNot }, 'minio-failing');
	await n8n.webhook('minio-failing', {});
	const [started] = await n8n.executions(other);
	const { status, data: failing } = await n8n.execution(started!.id);
	expect(status).toBe('error');
	expect(failing.resultData.error?.message).toMatch(/^Backup of buckets failed: none: There is no bucket/);
	expect(outputsOf(await n8n.execution(started!.id), 'Summary')).toMatchObject([[{ backups: [{ name: 'offers' }] }]]);
	expect(mail.mails).toMatchObject([{ content: expect.stringMatching(/1 failed[^]*none: There is no bucket/) }]);
});
