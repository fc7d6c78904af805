import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { removeFolder, temporaryFolderOnDisk } from '../guard';
import { freePort, startProcess } from '../process';
import { s3Server, type S3Server } from './server';

/** The last version that was published as a Go module; needs Go 1.24 or later. */
const VERSION = 'v0.0.0-20260212201848-7aac2a2c5b7c';
const CACHE = join(__dirname, '..', '..', '..', '.cache', 'minio');
const BUILT = join(CACHE, `minio-${VERSION}`);

/** Whether MinIO can be had here: named by MINIO_ENDPOINT, on the PATH, built before, or to be built with Go. */
export function hasMinio(): boolean {
	return Boolean(process.env.MINIO_ENDPOINT) || existsSync(BUILT) || onPath('minio') || onPath('go');
}

/** Builds MinIO into the cache folder where it must be built, once and before any test: that takes minutes. */
export async function buildMinio(): Promise<void> {
	if (process.env.MINIO_ENDPOINT || existsSync(BUILT) || onPath('minio') || !onPath('go')) return;
	console.log('Setting up: MinIO, from its Go module (3 to 6 minutes)');
	const folder = join(CACHE, `build-${process.pid}`);
	mkdirSync(folder, { recursive: true });
	try {
		const args = ['install', '-trimpath', '-ldflags', '-s -w', `github.com/minio/minio@${VERSION}`];
		const go = spawn('go', args, { env: { ...process.env, GOBIN: folder }, stdio: ['ignore', 'inherit', 'inherit'] });
		const [status] = (await once(go, 'close')) as [number | null];
		if (status !== 0)
			throw new Error(`MinIO could not be built: \`go ${args.join(' ')}\` ended with status ${status}.`);
		renameSync(join(folder, 'minio'), BUILT);
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

export interface MinioOptions {
	/** Requests that are signed for another region are refused. */
	region?: string;
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
	if (!existsSync(BUILT) && !onPath('minio')) {
		throw new Error('MinIO is not built: run `npm run test:system` once, which builds it before its tests.');
	}
	const folder = temporaryFolderOnDisk('minio');
	const port = await freePort();
	const endpoint = `http://127.0.0.1:${port}`;
	const server = await startProcess({
		name: 'MinIO',
		command: existsSync(BUILT) ? BUILT : 'minio',
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

function onPath(program: string): boolean {
	return (process.env.PATH ?? '')
		.split(delimiter)
		.some((folder) => folder !== '' && isExecutable(join(folder, program)));
}

function isExecutable(file: string): boolean {
	try {
		accessSync(file, constants.X_OK);
		return true;
	} catch {
		return false;
	}
}
