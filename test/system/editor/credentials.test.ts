import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startS3rver } from '../../services/s3/s3rver';
import { Editor } from './editor';

const editor = await Editor.open();
const { n8n } = editor;
const { filesFolder, database, url } = n8n.connection;

const TYPE = 'backupStorageApi';
const S3 = { type: 's3', bucket: 'nightly', accessKeyId: 'key', secretAccessKey: 'secret' };

const MAIN = [
	'Type',
	'Endpoint',
	'Region',
	'Bucket',
	'Prefix',
	'Access Key ID',
	'Secret Access Key',
	'Force Path Style',
	'Ignore SSL Issues (Insecure)',
	'Advanced',
];

describe('Backup Storage', () => {
	it('asks for what everybody needs, and for the rest where Advanced is on', async () => {
		const dialog = await editor.newCredential('Backup Storage');
		await expect.poll(() => dialog.labels()).toEqual(['Type', 'Folder Path']);
		await editor.pictures('credential-folder');
		await dialog.choose('type', 'S3');
		await expect.poll(() => dialog.labels()).toEqual(MAIN);
		await editor.pictures('credential-s3');
		await dialog.toggle('advanced');
		await expect
			.poll(() => dialog.labels())
			.toEqual([
				...MAIN,
				'Session Token',
				'CA Certificate',
				'Storage Class',
				'Server-Side Encryption',
				'Object Lock',
				'Part Size (MiB)',
				'Max Parts',
				'Outage Tolerance (Seconds)',
				'Stall Timeout (Seconds)',
			]);
		await dialog.choose('serverSideEncryption', 'Key Management Service (SSE-KMS)');
		await expect.poll(() => dialog.labels()).toContain('KMS Key ID');
		await editor.pictures('credential-s3-advanced');
	});
});

it('a credential that was stored before there was Advanced shows what is set, and keeps it when it is saved', async () => {
	const server = await startS3rver({ buckets: ['nightly'] });
	const { endpoint, accessKeyId, secretAccessKey } = server;
	const set = { storageClass: 'STANDARD', partSize: 64, outageSeconds: 600 };
	const access = { endpoint, accessKeyId, secretAccessKey };
	// As scripts do it, which n8n holds to the form's fields.
	const given = { name: 'Stored before', type: TYPE, data: { ...S3, ...access, ...set } };
	const stored = await n8n.publicApi<{ id: string }>('POST', '/credentials', given);
	const dialog = await editor.openCredential(stored);
	await expect
		.poll(() => dialog.labels())
		.toEqual([...MAIN, 'Storage Class', 'Part Size (MiB)', 'Outage Tolerance (Seconds)']);
	expect(await dialog.answer()).toMatch(/tested successfully/);
	await dialog.fill('prefix', 'n8n');
	await dialog.save();
	const data = async () => await n8n.rest<{ data: object }>('GET', `/credentials/${stored.id}?includeData=true`);
	await expect.poll(async () => (await data()).data).toMatchObject({ ...set, prefix: 'n8n', bucket: 'nightly' });
	await server.stop();
});

/** What the dialog says of a stored credential's test. */
async function answerTo(data: object, picture: string): Promise<string> {
	const dialog = await editor.openCredential(await n8n.createCredential(picture, TYPE, { ...data }));
	const answer = await dialog.answer();
	await editor.screenshot(`credential-test-${picture}`);
	return answer;
}

describe('the test of Backup Storage says', () => {
	it('of a web server that it answers, but not as an S3 server, and what to check', async () => {
		expect(await answerTo({ ...S3, endpoint: url }, 'web-server')).toMatch(
			/^The S3 endpoint 127\.0\.0\.1:\d+ answers, but not as an S3 server .*port of the server's S3 interface, not of its console/,
		);
	});

	it('of a server of another kind whose address that is, and to look what listens there', async () => {
		const endpoint = `http://127.0.0.1:${database!.port}`;
		expect(await answerTo({ ...S3, endpoint }, 'database')).toMatch(
			/S3 endpoint 127\.0\.0\.1:\d+.*that it is an S3 server that listens at this port/,
		);
	});

	it('of a port where nothing listens whose address that is', async () => {
		expect(await answerTo({ ...S3, endpoint: 'http://127.0.0.1:9' }, 'nothing')).toMatch(
			/^Nothing answers at the S3 endpoint 127\.0\.0\.1:9\b.*Check Endpoint in the credential/,
		);
	});

	it('of a name that is not known which it is, and advises path style only where that is off', async () => {
		const data = { ...S3, endpoint: 'https://s3.example.invalid' };
		const on = await answerTo(data, 'name');
		expect(on).toMatch(/^The name s3\.example\.invalid of the S3 endpoint could not be resolved/);
		expect(on).not.toMatch(/path style/i);
		const off = await answerTo({ ...data, forcePathStyle: false }, 'name-of-bucket');
		expect(off).toMatch(/nightly\.s3\.example\.invalid.*Force Path Style/);
	});

	it('of a folder elsewhere which are allowed', async () => {
		expect(await answerTo({ type: 'folder', folderPath: '/var/backups/n8n' }, 'folder-elsewhere')).toContain(
			`n8n does not let nodes use the folder /var/backups/n8n. Nodes may use ${filesFolder}, and the folders in there`,
		);
	});

	it('of a folder that did not exist so once, and then that all is well', async () => {
		const folder = join(filesFolder, 'editor-credentials');
		mkdirSync(folder);
		const folderPath = join(folder, 'bakups');
		const stored = await n8n.createCredential('Mistyped', TYPE, { type: 'folder', folderPath });
		const dialog = await editor.openCredential(stored);
		expect(await dialog.answer()).toContain(`The folder ${folderPath} did not exist: it was made just now`);
		await editor.screenshot('credential-test-folder-made');
		await dialog.retry();
		await expect.poll(() => dialog.isGood()).toBe(true);
	});
});
