import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { removeFolder, temporaryFolderOnDisk } from '../guard';
import { freePort, startProcess } from '../process';
import { buildProgram, programOf } from '../go-programs';
import { s3Server, type S3Server } from './server';

export const VERSITYGW = {
	name: 'versitygw',
	package: 'github.com/versity/versitygw/cmd/versitygw',
	version: 'v1.8.0',
};

/** Builds VersityGW into the cache folder where it must be built, once and before any test: that takes minutes. */
export async function buildVersityGw(): Promise<void> {
	if (programOf(VERSITYGW)) return;
	console.log('Setting up: VersityGW, from its Go module (1 to 3 minutes)');
	await buildProgram(VERSITYGW);
}

/**
 * VersityGW keeps objects as files, with what belongs to them in extended attributes: it takes `a//b` for `a/b`, has no object below
 * another one, and no keys of a session. It has versions, tags, conditional writes and object lock.
 */
export async function startVersityGw(): Promise<S3Server> {
	const command = programOf(VERSITYGW);
	if (!command) {
		throw new Error('VersityGW is not built: run `npm run test:system` once, which builds it before its tests.');
	}
	// A file system in memory may have no extended attributes.
	const folder = temporaryFolderOnDisk('versitygw');
	for (const part of ['data', 'versions']) mkdirSync(join(folder, part));
	const access = { region: 'us-east-1', accessKeyId: 'versityadmin', secretAccessKey: 'versitysecret' };
	const port = await freePort();
	const endpoint = `http://127.0.0.1:${port}`;
	const server = await startProcess({
		name: 'VersityGW',
		command,
		args: [
			...['--port', `127.0.0.1:${port}`, '--quiet', '--health', '/health', '--region', access.region],
			...['posix', '--versioning-dir', join(folder, 'versions'), join(folder, 'data')],
		],
		env: { PATH: process.env.PATH, ROOT_ACCESS_KEY: access.accessKeyId, ROOT_SECRET_KEY: access.secretAccessKey },
		ready: async () => (await fetch(`${endpoint}/health`)).ok,
		readyWithinMs: 60_000,
	});
	return s3Server({ ...access, endpoint }, async () => {
		await server.stop();
		removeFolder(folder);
	});
}
