import { expect, it } from 'vitest';

import { findBackup } from '../../../engine/archive';
import { S3Client } from '../../../engine/minio/client';
import { verifyBackup } from '../../../engine/systems';
import { temporaryStorage } from '../../integration/archive/support';
import { backUp, describeRoundTrips, look, put } from '../../integration/minio/round-trip-contract';
import { connectionOf } from '../../integration/minio/support';
import { startMinio } from '../../services/s3/minio';
import { startSwift } from '../../services/s3/swift';
import { startVersityGw } from '../../services/s3/versitygw';

describeRoundTrips('MinIO', startMinio, { tags: true, oddKeys: false });
describeRoundTrips('Swift', startSwift, { tags: false, oddKeys: true });
describeRoundTrips('VersityGW', startVersityGw, { tags: true, oddKeys: false });

it('nothing is restored for a test into a bucket that would keep it as old versions', async () => {
	const server = await startMinio();
	const client = new S3Client(connectionOf(server), 'target');
	try {
		const { storage } = temporaryStorage();
		const bucket = client.bucket(await server.createBucket());
		await put(bucket, 'a', 'a');
		const { manifestKey } = await findBackup(storage, { id: (await backUp(server, storage, bucket.name)).id });
		const versioned = await server.createBucket(undefined, { objectLock: true });
		const minio = { connection: connectionOf(server), bucket: versioned };
		const report = await verifyBackup({ storage, key: manifestKey, level: 'restore', scratch: { minio } });
		expect(report).toMatchObject({ verdict: 'incomplete', reached: 'content', findings: [{ code: 'TARGET_FAILED' }] });
		expect(await look(client.bucket(versioned))).toEqual({});
	} finally {
		client.close();
		await server.stop();
	}
});
