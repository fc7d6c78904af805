/** Files as the stock tools of Debian make them: pg_dump 15, tar, gzip, zstd, gpg, sha256sum. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { FolderStorage } from '../../../engine/storage';
import { verifyFile, type VerificationReport } from '../../../engine';
import { runNative } from '../../fidelity/native';
import { createEverything } from '../../fixtures/postgres/everything-database';
import { removeFolder, temporaryFolder } from '../../services/guard';
import { type PostgresServer, startPostgres } from '../../services/postgres';

const PASSPHRASE = 'of the test';

const root = temporaryFolder('files');
const storage = new FolderStorage({ root });
let server: PostgresServer;
let database: string;

beforeAll(async () => {
	server = await startPostgres({ version: 15 });
	database = await createEverything(server);
});

afterAll(async () => {
	await server?.stop();
	removeFolder(root);
});

const run = (command: string, ...args: string[]) => execFileSync(command, args, { cwd: root, stdio: 'pipe' });

async function verify(key: string): Promise<VerificationReport> {
	return await verifyFile({ storage, key, level: 'content', keys: { passphrase: PASSPHRASE } });
}

/** Passes as a form, and does not when its last bytes are gone. */
async function expectWhole(key: string, format: string, cut = 200): Promise<void> {
	const { verdict, findings, format: found } = await verify(key);
	expect({ verdict, findings, format: found }).toEqual({ verdict: 'passed', findings: [], format });
	truncateSync(join(root, key), statSync(join(root, key)).size - cut);
	expect((await verify(key)).verdict).toBe('failed');
}

it('passes for plain dumps, of one database and of the server, packed by gzip and zstd', async () => {
	await runNative(server, 'pg_dump', [`--file=${join(root, 'plain')}`, database]);
	await runNative(server, 'pg_dump', ['--inserts', '--clean', '--create', `--file=${join(root, 'inserts')}`, database]);
	await runNative(server, 'pg_dumpall', [`--file=${join(root, 'all')}`]);
	await runNative(server, 'pg_dumpall', ['--globals-only', `--file=${join(root, 'globals')}`]);
	run('gzip', '-k', 'plain');
	run('zstd', '-q', 'all');
	for (const key of ['plain', 'inserts', 'all', 'globals']) await expectWhole(key, 'plain SQL dump');
	await expectWhole('plain.gz', 'plain SQL dump in gzip');
	await expectWhole('all.zst', 'plain SQL dump in zstd');
});

it('passes for dumps in custom and in tar format', async () => {
	for (const level of ['0', '6']) {
		await runNative(server, 'pg_dump', ['-Fc', `-Z${level}`, `--file=${join(root, `custom${level}`)}`, database]);
		await expectWhole(`custom${level}`, 'dump in custom format', 3);
	}
	await runNative(server, 'pg_dump', ['-Ft', `--file=${join(root, 'dump.tar')}`, database]);
	await expectWhole('dump.tar', 'dump in tar format', 600);
});

it('passes for tar archives in every format of GNU tar, with links and holes', async () => {
	const folder = join(root, 'folder', 'x'.repeat(120), 'y'.repeat(120));
	mkdirSync(folder, { recursive: true });
	writeFileSync(join(folder, 'z'), 'z');
	symlinkSync('z', join(folder, 'link'));
	writeFileSync(join(folder, 'holes'), 'begin');
	truncateSync(join(folder, 'holes'), 5_000_000);
	for (const [name, ...args] of [
		['gnu', '--format=gnu'],
		['pax', '--format=pax'],
		['sparse', '--format=gnu', '--sparse'],
		['pax-sparse', '--format=pax', '--sparse'],
	] as const) {
		run('tar', ...args, '-cf', name, 'folder');
		// The last record is filled up with zeros, which may go.
		await expectWhole(name, 'tar archive', 10_240);
		run('tar', ...args, '-czf', `${name}.gz`, 'folder');
		await expectWhole(`${name}.gz`, 'tar archive in gzip', 1);
	}
});

it('passes for what gpg has encrypted, and compares with what sha256sum has written', async () => {
	await runNative(server, 'pg_dump', [`--file=${join(root, 'secret')}`, database]);
	const home = temporaryFolder('gpg');
	const options = ['--homedir', home, '--batch', '--pinentry-mode', 'loopback', '--passphrase', PASSPHRASE];
	run('gpg', ...options, '--cipher-algo', 'AES256', '--symmetric', 'secret');
	run('gpgconf', '--homedir', home, '--kill', 'gpg-agent');
	removeFolder(home);
	writeFileSync(join(root, 'secret.gpg.sha256'), run('sha256sum', 'secret.gpg'));
	expect((await verify('secret.gpg')).levels[0]!.counts).toEqual({ sidecars: 1 });
	await expectWhole('secret.gpg', 'plain SQL dump, encrypted with OpenPGP');
});
