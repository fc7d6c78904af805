/** Servers whose certificate an authority of one's own has signed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { S3Client, type S3Connection } from '../../../engine/minio/client';
import { BucketPlace, mirror } from '../../../engine/minio/mirror';
import { createAuthority } from '../../services/certificates';
import { startS3rver } from '../../services/s3/s3rver';
import type { S3Server } from '../../services/s3/server';
import { temporaryStorage } from '../archive/support';
import { filesIn, folder, folderPlace } from './mirror/support';
import { backUp, look, put, restore } from './round-trip-contract';
import { connectionOf } from './support';

const authority = createAuthority();
let server: S3Server;
beforeAll(async () => {
	server = await startS3rver({ tls: authority.issue('127.0.0.1'), buckets: ['from', 'copy', 'again'] });
	const bucket = new S3Client({ ...connectionOf(server), ignoreSslIssues: true }, 'target').bucket('from');
	await put(bucket, 'a', 'one');
	await put(bucket, 'b/large', 'x'.repeat(2 * 1024 * 1024));
});
afterAll(async () => await server.stop());

const trusted: [string, Partial<S3Connection>][] = [
	['the certificate of the authority', { caCertificate: authority.ca }],
	['any certificate taken', { ignoreSslIssues: true }],
];

describe.each(trusted)('with %s', (_, trust) => {
	const client = (role: 'source' | 'target') => new S3Client({ ...connectionOf(server), ...trust }, role);

	it('a bucket is backed up and restored', async () => {
		const { storage } = temporaryStorage();
		const connection = { ...connectionOf(server), ...trust };
		const manifest = await backUp(server, storage, 'from', { connection });
		await restore(server, storage, manifest, { bucket: 'again', connection, existing: 'skip' });
		expect(await look(client('target').bucket('again'))).toEqual(await look(client('source').bucket('from')));
	});

	it('a bucket is mirrored, to another one and into a folder', async () => {
		const source = () => new BucketPlace({ client: client('source'), bucket: 'from' });
		const target = new BucketPlace({ client: client('target'), bucket: 'copy' });
		expect(await mirror({ source: source(), target })).toMatchObject({ sourceCount: 2, failed: { count: 0 } });
		const root = folder();
		await mirror({ source: source(), target: folderPlace(root, 'target') });
		expect(Object.keys(filesIn(root))).toEqual(['a', 'b/large']);
	});
});

it('without that, nothing is asked, and the error says what to do', async () => {
	const source = new BucketPlace({ client: new S3Client(connectionOf(server), 'source'), bucket: 'from' });
	await expect(mirror({ source, target: folderPlace(folder(), 'target') })).rejects.toMatchObject({
		code: 'SOURCE_UNREACHABLE',
		message: expect.stringContaining('certificate') as string,
		hint: expect.stringContaining('authority') as string,
	});
});
