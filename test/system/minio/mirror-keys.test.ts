import { AssumeRoleProvider } from 'minio/dist/esm/AssumeRoleProvider.mjs';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { S3Client } from '../../../engine/minio/client';
import { BucketPlace } from '../../../engine/minio/mirror';
import { objectsIn, put, run } from '../../integration/minio/mirror/support';
import { startMinio } from '../../services/s3/minio';
import type { S3Server } from '../../services/s3/server';

let server: S3Server;
beforeAll(async () => (server = await startMinio()));
afterAll(async () => await server.stop());

/** A bucket by keys that are good for it alone. */
async function placeByOwnKeys(bucket: string, role: 'source' | 'target'): Promise<BucketPlace> {
	const { endpoint, region, accessKeyId, secretAccessKey } = server;
	const Resource = [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`];
	const policy = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: ['s3:*'], Resource }] };
	const provider = new AssumeRoleProvider({
		stsEndpoint: endpoint,
		accessKey: accessKeyId,
		secretKey: secretAccessKey,
		region,
		durationSeconds: 3600,
		policy: JSON.stringify(policy),
	});
	const credentials = await provider.getCredentials();
	const client = new S3Client(
		{
			endpoint,
			region,
			accessKeyId: credentials.getAccessKey(),
			secretAccessKey: credentials.getSecretKey(),
			sessionToken: credentials.getSessionToken(),
		},
		role,
	);
	return new BucketPlace({ client, bucket });
}

it('mirrors between two buckets of a server of which no key may use both', async () => {
	const [from, to] = [await server.createBucket(), await server.createBucket()];
	await put(server, from, { a: 'one', b: 'two' });
	const source = await placeByOwnKeys(from, 'source');
	const target = await placeByOwnKeys(to, 'target');
	expect(await run(source, target)).toMatchObject({ added: { count: 2 }, warnings: [] });
	expect(await objectsIn(server, to)).toEqual({ a: 'one', b: 'two' });
	source.close();
	target.close();
});
