import { removeFolder, temporaryFolderForServer, temporaryFolderOnDisk } from '../guard';
import { freePort, startProcess } from '../process';
import { buildProgram, programOf } from '../go-programs';
import { s3Server, type S3Server } from './server';

/** The last version that was published as a Go module. */
const MINIO = {
	name: 'minio',
	package: 'github.com/minio/minio',
	version: 'v0.0.0-20260212201848-7aac2a2c5b7c',
};

/** Builds MinIO into the cache folder where it must be built, once and before any test: that takes minutes. */
export async function buildMinio(): Promise<void> {
	if (process.env.MINIO_ENDPOINT || programOf(MINIO)) return;
	console.log('Setting up: MinIO, from its Go module (3 to 6 minutes)');
	await buildProgram(MINIO);
}

export interface MinioOptions {
	/** Requests that are signed for another region are refused. */
	region?: string;
	/** Its data lies on a disk, for gigabytes and where speed matters; otherwise in memory where that can hold it. */
	onDisk?: boolean;
}

/**
 * MinIO: multipart upload with abort and list, conditional writes, object lock, encryption (with a key of its own).
 * MINIO_ENDPOINT with MINIO_ROOT_USER and MINIO_ROOT_PASSWORD names one that runs already.
 */
export async function startMinio(options: MinioOptions = {}): Promise<S3Server> {
	const region = options.region ?? 'us-east-1';
	const accessKeyId = process.env.MINIO_ROOT_USER ?? 'minioadmin';
	const secretAccessKey = process.env.MINIO_ROOT_PASSWORD ?? 'minioadmin';
	const access = { region, accessKeyId, secretAccessKey };
	if (process.env.MINIO_ENDPOINT) {
		return s3Server({ ...access, endpoint: process.env.MINIO_ENDPOINT }, () => Promise.resolve());
	}
	const command = programOf(MINIO);
	if (!command) {
		throw new Error('MinIO is not built: run `npm run test:system` once, which builds it before its tests.');
	}
	const folder = (options.onDisk ? temporaryFolderOnDisk : temporaryFolderForServer)('minio');
	const port = await freePort();
	const endpoint = `http://127.0.0.1:${port}`;
	const server = await startProcess({
		name: 'MinIO',
		command,
		args: ['server', '--quiet', '--address', `127.0.0.1:${port}`, '--console-address', '127.0.0.1:0', folder],
		env: {
			PATH: process.env.PATH,
			HOME: folder,
			MINIO_ROOT_USER: accessKeyId,
			MINIO_ROOT_PASSWORD: secretAccessKey,
			MINIO_SITE_REGION: region,
			MINIO_BROWSER: 'off',
			// Encryption by the server needs a key; this one protects test data only.
			MINIO_KMS_SECRET_KEY: `test-key:${Buffer.alloc(32, 7).toString('base64')}`,
		},
		ready: async () => (await fetch(`${endpoint}/minio/health/cluster`)).ok,
		readyWithinMs: 60_000,
	});
	return s3Server({ ...access, endpoint }, async () => {
		await server.stop();
		removeFolder(folder);
	});
}
