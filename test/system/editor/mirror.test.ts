import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PACKAGE } from '../../nodes/workflow';
import { startS3rver } from '../../services/s3/s3rver';
import type { S3Server } from '../../services/s3/server';
import type { NodeCredentials } from '../../services/n8n-client';
import { Editor } from './editor';

const editor = await Editor.open();
const NODE_TYPE = `${PACKAGE}.minioMirror`;
const S3 = 'Credential for S3';
const STORAGE = 'Credential for Backup Storage';
let server: S3Server;
let credentials: NodeCredentials;

beforeAll(async () => {
	server = await startS3rver();
	await server.createBucket('documents-copy');
	await server.createBucket('documents');
	for (const name of ['contracts/offer.pdf', 'readme.txt']) await server.client.putObject('documents', name, name);
	await server.client.putObject('documents-copy', 'extra.txt', 'Only here.');
	const { endpoint, region, accessKeyId, secretAccessKey } = server;
	const s3 = { endpoint, region, accessKeyId, secretAccessKey, forcePathStyle: true, sessionToken: '' };
	credentials = { s3: await editor.n8n.createCredential('Objects', 's3', s3) };
});

afterAll(async () => {
	await server?.stop();
});

describe('a mirror', () => {
	it('shows what its direction needs, what is at stake, and nothing red', async () => {
		const canvas = await editor.openCanvas();
		const panel = await canvas.add('MinIO Mirror', 'Mirror a bucket');
		expect(await panel.title()).toBe('Mirror a bucket');
		expect(await panel.marked()).toEqual([]);
		const ends = ['From Bucket', 'From Prefix', 'To Bucket', 'To Prefix', 'Create Bucket'];
		const patterns = ['Include Patterns', 'Exclude Patterns'];
		const rest = ['Dry Run', 'Simplify', 'Options'];
		const top = ['Operation', 'Direction', 'Servers'];
		const shown = async () => (await panel.labels()).filter((label) => !label.startsWith('Credential'));
		expect(await shown()).toEqual([...top, ...ends, ...patterns, 'Remove Extra Objects', ...rest]);
		expect(await panel.labels()).not.toContain(STORAGE);
		expect(await panel.notices()).toEqual([expect.stringMatching(/Objects of the target.*Nothing is removed/)]);
		await editor.pictures('mirror');
		await panel.choose('servers', 'To Another Server');
		await expect.poll(() => panel.labels()).toContain(STORAGE);
		await panel.toggle('removeExtra');
		await expect.poll(() => panel.labels()).toContain('Keep Removed (Days)');
		await expect.poll(() => panel.notices()).toEqual([expect.stringMatching(/whoever put it there.*Keep Removed/)]);
		await panel.field('dryRun').scrollIntoViewIfNeeded();
		await editor.pictures('mirror-removing');
		await panel.choose('direction', 'Bucket to Folder');
		await expect.poll(() => panel.labels()).toContain('To Folder');
		await expect.poll(() => panel.labels()).not.toContain(STORAGE);
		await expect.poll(() => panel.labels()).toContain(S3);
		expect(await panel.notices()).toEqual([expect.stringMatching(/target folder has is removed/)]);
		await panel.toggle('dryRun');
		await expect.poll(() => panel.notices()).toEqual([]);
		await editor.pictures('mirror-folder');
	});

	it('offers buckets and prefixes, and tells of a dry run in a table', async () => {
		const locator = (value: string) => ({ __rl: true, mode: 'list', value });
		const ends = { fromBucket: locator('documents'), toBucket: locator('documents-copy') };
		const parameters = { operation: 'mirror', ...ends, removeExtra: true, dryRun: true };
		const panel = await editor.openNode({ type: NODE_TYPE, parameters, credentials });
		expect((await panel.list('toBucket')).sort()).toEqual(['documents', 'documents-copy']);
		expect(await panel.list('fromPrefix')).toEqual(['contracts/']);
		await panel.execute();
		const { columns, rows } = await panel.table();
		expect(columns.slice(0, 6)).toEqual(['source', 'target', 'state', 'added', 'changed', 'removed']);
		expect(columns.length).toBeLessThanOrEqual(10);
		expect(rows).toHaveLength(1);
		expect(rows[0]!.slice(2, 6)).toEqual(['would be refused', '2', '0', '1']);
		expect(await panel.hints()).toEqual([expect.stringMatching(/1 of the 1 objects .* all of them/)]);
		await editor.pictures('mirror-table');
	});
});
