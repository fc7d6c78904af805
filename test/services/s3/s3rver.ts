import type { Certificate } from '../certificates';
import { removeFolder, temporaryFolder } from '../guard';
import { s3Server, type S3Server } from './server';

interface S3rverInstance {
	run(): Promise<{ port: number }>;
	close(): Promise<void>;
}
type S3rverClass = new (options: object) => S3rverInstance;

/**
 * s3rver, in this process: needs nothing but npm. It has neither AbortMultipartUpload nor ListMultipartUploads nor
 * conditional writes, and does not check Content-MD5.
 */
export async function startS3rver(options: { tls?: Certificate; buckets?: string[] } = {}): Promise<S3Server> {
	// eslint-disable-next-line @typescript-eslint/no-require-imports -- it has no types
	const S3rver = require('s3rver') as S3rverClass;
	const directory = temporaryFolder('s3rver');
	const server = new S3rver({
		port: 0,
		address: '127.0.0.1',
		silent: true,
		directory,
		configureBuckets: (options.buckets ?? []).map((name) => ({ name })),
		...options.tls,
	});
	const { port } = await server.run();
	const access = {
		endpoint: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`,
		region: 'us-east-1',
		accessKeyId: 'S3RVER',
		secretAccessKey: 'S3RVER',
	};
	return s3Server(access, async () => {
		await server.close();
		removeFolder(directory);
	});
}
