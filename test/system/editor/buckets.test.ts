import { afterAll, beforeAll, expect, it } from 'vitest';
import { backup, byName, NodeRunner } from '../../nodes/node-runner';
import { PACKAGE } from '../../nodes/workflow';
import type { NodeCredentials } from '../../services/n8n-client';
import { startS3rver } from '../../services/s3/s3rver';
import type { S3Server } from '../../services/s3/server';
import { Editor } from './editor';

const editor = await Editor.open();
const { n8n } = editor;
const NODE_TYPE = `${PACKAGE}.minioMirror`;
let server: S3Server;
let credentials: NodeCredentials;

beforeAll(async () => {
	server = await startS3rver();
	const { endpoint, region, accessKeyId, secretAccessKey } = server;
	const data = { endpoint, region, accessKeyId, secretAccessKey, forcePathStyle: true };
	const s3 = await n8n.createCredential('Objects', 's3', data);
	const { node } = await NodeRunner.withFolder(n8n, NODE_TYPE, { s3 });
	({ credentials } = node);
	await server.createBucket('documents');
	for (const key of ['contracts/2026/offer.pdf', 'contracts/old.pdf', 'readme.txt'])
		await server.client.putObject('documents', key, key);
	await node.ok('backUp');
});
afterAll(async () => {
	await server?.stop();
});

const open = async (parameters: Record<string, unknown>) =>
	await editor.openNode({ type: NODE_TYPE, parameters, credentials });

it('objects and prefixes are chosen from lists of what a backup holds', async () => {
	const target = { targetBucket: byName('documents') };
	const panel = await open({ operation: 'restore', ...backup('latest', 'documents'), ...target, what: 'entry' });
	expect((await panel.list('entry')).map((entry) => entry.split(' · ')[0])).toEqual([
		'contracts/2026/offer.pdf',
		'contracts/old.pdf',
		'readme.txt',
	]);
	await panel.pick('entry', 'old.pdf');
	await expect.poll(() => panel.marked()).toEqual([]);
	await editor.screenshot('restore-one-object');
	await panel.choose('what', 'By Prefix');
	expect(await panel.list('prefix')).toEqual(['contracts/', 'contracts/2026/']);
	await panel.pick('prefix', 'contracts/2026/');
	await expect.poll(() => panel.located('prefix')).toBe('contracts/2026/');
	await expect.poll(() => panel.marked()).toEqual([]);
});

it('a prefix that was stored as a text, before there were lists, is shown and not marked', async () => {
	const stored = { what: 'prefix', prefix: 'contracts/' };
	const target = { targetBucket: byName('documents') };
	const restore = await open({ operation: 'restore', ...backup('latest', 'documents'), ...target, ...stored });
	expect(await restore.located('prefix')).toBe('contracts/');
	expect(await restore.marked()).toEqual([]);
	const backUp = await open({ operation: 'backUp', keyPrefix: 'contracts/' });
	expect(await backUp.located('keyPrefix')).toBe('contracts/');
	expect(await backUp.marked()).toEqual([]);
});

it('prefixes of buckets are chosen level by level', async () => {
	const panel = await open({ operation: 'backUp' });
	expect(await panel.list('keyPrefix')).toEqual(['contracts/']);
	await panel.pick('keyPrefix', 'contracts/');
	await expect.poll(() => panel.located('keyPrefix')).toBe('contracts/');
	await editor.screenshot('back-up-key-prefix');
});
