import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { onTestFinished } from 'vitest';

import { S3Client } from '../../../../engine/minio/client';
import { BucketPlace, FolderPlace, mirror, type MirrorOptions, type Place } from '../../../../engine/minio/mirror';
import type { S3Server } from '../../../services/s3/server';
import { removeFolder, temporaryFolder } from '../../../services/guard';

export type Contents = Record<string, string>;

export function folder(contents: Contents = {}): string {
	const root = temporaryFolder('mirror');
	onTestFinished(() => removeFolder(root));
	fill(root, contents);
	return root;
}

export function fill(root: string, contents: Contents): void {
	for (const [name, content] of Object.entries(contents)) {
		mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
		writeFileSync(path.join(root, name), content);
	}
}

/** All files of a folder, without what belongs to mirrors. */
export function filesIn(root: string, below = ''): Contents {
	const found: Contents = {};
	for (const name of readdirSync(path.join(root, below)).sort()) {
		const relative = path.join(below, name);
		if (name.startsWith('.stack-backup-')) continue;
		if (lstatSync(path.join(root, relative)).isDirectory()) Object.assign(found, filesIn(root, relative));
		else found[relative] = readFileSync(path.join(root, relative), 'utf8');
	}
	return found;
}

export function folderPlace(root: string, role: 'source' | 'target'): FolderPlace {
	const place = new FolderPlace({ root, role });
	onTestFinished(() => place.close());
	return place;
}

/** @param endpoint another way to the server: a proxy */
export function bucketPlace(
	server: S3Server,
	bucket: string,
	role: 'source' | 'target',
	{ prefix = '', endpoint = server.endpoint } = {},
): BucketPlace {
	const { region, accessKeyId, secretAccessKey } = server;
	const options = { endpoint, region, accessKeyId, secretAccessKey, partSize: 5 * 1024 * 1024 };
	const retry = { outageMs: 2000, firstAnswerMs: 2000, baseDelayMs: 20, maxDelayMs: 100 };
	return new BucketPlace({ client: new S3Client({ ...options, retry }, role), bucket, prefix });
}

export async function put(server: S3Server, bucket: string, contents: Contents): Promise<void> {
	for (const [name, content] of Object.entries(contents)) await server.client.putObject(bucket, name, content);
}

/** All objects of a bucket, without what belongs to mirrors. */
export async function objectsIn(server: S3Server, bucket: string, prefix = ''): Promise<Contents> {
	const found: Contents = {};
	for (const key of await keysIn(server, bucket, prefix)) {
		if (key.includes('.stack-backup-')) continue;
		const pieces: Buffer[] = [];
		for await (const piece of await server.client.getObject(bucket, key)) pieces.push(piece as Buffer);
		found[key.slice(prefix.length)] = Buffer.concat(pieces).toString();
	}
	return found;
}

export async function keysIn(server: S3Server, bucket: string, prefix = ''): Promise<string[]> {
	const keys: string[] = [];
	for await (const item of server.client.listObjectsV2(bucket, prefix, true)) {
		keys.push((item as { name: string }).name);
	}
	return keys;
}

export async function run(source: Place, target: Place, options: Partial<MirrorOptions> = {}) {
	return await mirror({ source, target, ...options });
}
