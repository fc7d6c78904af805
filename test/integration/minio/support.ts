import type { S3Connection } from '../../../engine/minio/client';
import type { S3Server } from '../../services/s3/server';
import { PART_BYTES, quickRetry } from '../storage/s3-under-test';

/** How a server is reached, with small parts and without waits. */
export function connectionOf(
	server: Pick<S3Server, 'endpoint' | 'region' | 'accessKeyId' | 'secretAccessKey'>,
): S3Connection {
	const { endpoint, region, accessKeyId, secretAccessKey } = server;
	return { endpoint, region, accessKeyId, secretAccessKey, partSize: PART_BYTES, retry: quickRetry() };
}
