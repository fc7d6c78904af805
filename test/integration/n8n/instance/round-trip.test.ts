import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { once } from 'node:events';

import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { manifestKeyOf, readSettings, verifyBackup } from '../../../../engine';
import {
	archiveKey,
	backUp,
	emptyStorage,
	folder,
	KEY,
	KEYS,
	makeInstance,
	restore,
	rowsOf,
	VERSION,
	type StagedInstance,
} from './stage';

/** Everything in a storage, read. */
function contentOf(root: string): Buffer {
	const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
	return Buffer.concat(files.map(({ parentPath, name }) => readFileSync(join(parentPath, name))));
}

function modeOf(path: string): number {
	return statSync(path).mode & 0o777;
}

/**
 * Another process that stores executions without a pause, as n8n does: of each one row in either of two tables, in one transaction. Says
 * `written` once it has begun, and how it ended when its input does.
 */
const WRITER = `
const { DatabaseSync } = require('node:sqlite');
const database = new DatabaseSync(process.argv[1], { timeout: 60000 });
let done = false;
process.stdin.resume().on('end', () => (done = true));
const write = () => {
	database.exec("BEGIN IMMEDIATE; INSERT INTO execution_entity (status) VALUES ('success'); INSERT INTO execution_data VALUES (last_insert_rowid(), hex(randomblob(4000))); COMMIT");
	console.log('written');
	if (!done) setImmediate(write);
};
write();`;

async function startWriter({ file }: StagedInstance): Promise<ChildProcess> {
	const writer = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '-e', WRITER, file]);
	onTestFinished(() => void writer.kill('SIGKILL'));
	await once(writer.stdout, 'data');
	writer.stdout.resume();
	return writer;
}

/** What another process is told that wants to write now. */
function triedToWrite(file: string): string {
	const script = `const { DatabaseSync } = require('node:sqlite');
		try { new DatabaseSync(process.argv[1]).exec('BEGIN IMMEDIATE'); console.log('free'); } catch (error) { console.log(error.message); }`;
	return spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', '-e', script, file], {
		encoding: 'utf8',
	}).stdout.trim();
}

/** Processes that this one has started, also those that have ended and were not seen to yet. */
function children(): string[] {
	const threads = readdirSync('/proc/self/task');
	const ids = threads.flatMap((thread) => readFileSync(`/proc/self/task/${thread}/children`, 'utf8').split(' '));
	return ids.filter((id) => id !== '');
}

describe('a backup of an instance on SQLite', () => {
	it('comes back as a folder that n8n starts from, which only its owner may read', async () => {
		const { settings, file } = makeInstance();
		const storage = emptyStorage();
		const manifest = await backUp(storage, settings);
		const target = join(folder(), 'new');
		const restored = await restore(storage, manifest, target);

		expect(readdirSync(target)).toEqual(['.n8n']);
		expect(readdirSync(join(target, '.n8n')).sort()).toEqual(['config', 'database.sqlite', 'nodes']);
		expect(JSON.parse(readFileSync(join(target, '.n8n/config'), 'utf8'))).toEqual({ encryptionKey: KEY });
		expect(JSON.parse(readFileSync(join(target, '.n8n/nodes/package.json'), 'utf8'))).toEqual({
			name: 'installed-nodes',
			private: true,
			dependencies: { 'n8n-nodes-example': '1.2.3' },
		});
		for (const sql of ['SELECT * FROM credentials_entity', 'SELECT * FROM migrations ORDER BY id']) {
			expect(rowsOf(join(target, '.n8n/database.sqlite'), sql)).toEqual(rowsOf(file, sql));
		}
		expect(['config', 'database.sqlite'].map((name) => modeOf(join(target, '.n8n', name)))).toEqual([0o600, 0o600]);
		expect(modeOf(join(target, '.n8n'))).toBe(0o700);
		expect(restored).toMatchObject({
			folder: target,
			environment: { N8N_USER_FOLDER: target, DB_TYPE: 'sqlite' },
			warnings: [
				expect.stringContaining('1 community packages are named and not there'),
				expect.stringContaining('no binary data'),
			],
		});
	});

	it('says in its manifest what a new n8n needs, and in the clear no secret', async () => {
		const { settings } = makeInstance({ env: { N8N_SMTP_PASS: 'hidden', N8N_HMAC_SIGNATURE_SECRET: 'hidden' } });
		const storage = emptyStorage();
		const manifest = await backUp(storage, settings);
		expect(manifest).toMatchObject({
			kind: 'n8n-instance',
			folder: 'n8n',
			source: {
				system: 'n8n',
				version: VERSION,
				server: 'http://localhost:5678',
				lastMigration: 'Second2',
				packages: [{ name: 'n8n-nodes-example', version: '1.2.3' }],
				variables: ['N8N_HMAC_SIGNATURE_SECRET', 'N8N_SMTP_PASS', 'N8N_USER_FOLDER'],
				binaryData: { mode: 'filesystem', backup: null },
			},
			counts: { tables: 5, rows: 4, packages: 1 },
			warnings: [
				expect.stringContaining('Binary data of executions lies in'),
				expect.stringContaining('N8N_HMAC_SIGNATURE_SECRET'),
			],
		});
		expect(contentOf(storage.root).includes(KEY)).toBe(false);
		expect(contentOf(storage.root).includes('hidden')).toBe(false);
	});

	it('is one moment of a database that another process writes to all the time, and stops no writer', async () => {
		const instance = makeInstance();
		const storage = emptyStorage();
		const writer = await startWriter(instance);
		const manifest = await backUp(storage, instance.settings);
		writer.stdin!.end();
		expect(await once(writer, 'exit')).toEqual([0, null]);

		const target = join(folder(), 'new');
		await restore(storage, manifest, target);
		const count = (table: string) =>
			rowsOf(join(target, '.n8n/database.sqlite'), `SELECT count(*) AS n FROM ${table}`)[0]!['n'] as number;
		expect(count('execution_entity')).toBe(count('execution_data'));
		expect(count('execution_entity')).toBeGreaterThan(0);
		const after = rowsOf(instance.file, 'SELECT count(*) AS n FROM execution_entity')[0]!['n'];
		expect(after).toBeGreaterThan(count('execution_entity'));
	});

	it('leaves n8n the locks that it holds', async () => {
		const instance = makeInstance();
		// Its locks are on the file itself then, and end when this process closes the file anywhere.
		instance.database.exec('PRAGMA journal_mode = DELETE');
		instance.database.exec(`BEGIN IMMEDIATE; INSERT INTO execution_entity (status) VALUES ('running')`);
		expect(triedToWrite(instance.file)).toBe('database is locked');
		const manifest = await backUp(emptyStorage(), instance.settings);
		expect(triedToWrite(instance.file)).toBe('database is locked');
		instance.database.exec('COMMIT');
		expect(manifest.tables).toContainEqual({ schema: 'main', name: 'execution_entity', rows: 0, bytes: 0 });
	});

	it('leaves no copy behind', async () => {
		const { settings } = makeInstance();
		const wrong = makeInstance({ key: 'another' });
		const temporary = folder();
		vi.stubEnv('TMPDIR', temporary);
		onTestFinished(() => void vi.unstubAllEnvs());
		await backUp(emptyStorage(), settings);
		await expect(backUp(emptyStorage(), wrong.settings)).rejects.toMatchObject({ code: 'KEY_WRONG' });
		expect(readdirSync(temporary)).toEqual([]);
	});

	it('has ended the process that copies when it is cancelled: that would go on writing into a folder that is removed', async () => {
		const instance = makeInstance();
		instance.database.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE');
		const before = children();
		const controller = new AbortController();
		const cancelled = backUp(emptyStorage(), instance.settings, { signal: controller.signal });
		// It waits for the lock.
		await vi.waitUntil(() => children().length > before.length, { timeout: 60_000 });
		controller.abort();
		await expect(cancelled).rejects.toMatchObject({ code: 'CANCELLED' });
		expect(children()).toEqual(before);
	});

	it('takes binary data along where that is asked for, and later what is new of it', async () => {
		const { settings, root } = makeInstance();
		const storage = emptyStorage();
		const files = join(root, '.n8n/storage/workflows/w1/executions/1/binary_data');
		mkdirSync(files, { recursive: true });
		writeFileSync(join(files, 'one'), 'content of one');
		await backUp(storage, settings, { binaryData: true });
		writeFileSync(join(files, 'two'), 'content of two');
		const manifest = await backUp(storage, settings, { binaryData: true });
		expect(manifest.warnings).toEqual([]);

		const target = join(folder(), 'new');
		await restore(storage, manifest, target);
		const restored = join(target, '.n8n/storage/workflows/w1/executions/1/binary_data');
		expect(['one', 'two'].map((name) => readFileSync(join(restored, name), 'utf8'))).toEqual([
			'content of one',
			'content of two',
		]);
	});

	it('puts binary data where a new n8n looks for it, whatever the folder was called', async () => {
		const elsewhere = join(folder(), 'binaryData');
		const { settings: plain } = makeInstance({ env: { N8N_STORAGE_PATH: elsewhere } });
		const settings = { ...plain, config: { ...plain.config, fsStorageMigrated: true } };
		mkdirSync(elsewhere);
		writeFileSync(join(elsewhere, 'one'), 'content of one');
		const storage = emptyStorage();
		const manifest = await backUp(storage, settings, { binaryData: true });
		const target = join(folder(), 'new');
		await restore(storage, manifest, target);
		const env = { N8N_USER_FOLDER: target };
		const found = readSettings({
			env,
			readText: (file) => readFileSync(file, 'utf8'),
			namesIn: (of) => (existsSync(of) ? readdirSync(of) : undefined),
		});
		expect(readFileSync(join(found.binaryData.folder, 'one'), 'utf8')).toBe('content of one');
	});

	it('brings no links among the binary data, which would lead n8n out of it, and says so both times', async () => {
		const { settings, root } = makeInstance();
		const files = join(root, '.n8n/storage/workflows');
		mkdirSync(files, { recursive: true });
		writeFileSync(join(files, 'one'), 'content of one');
		symlinkSync('../../config', join(files, 'two'));
		symlinkSync('/etc', join(files, 'three'));
		const storage = emptyStorage();
		const manifest = await backUp(storage, settings, { binaryData: true });
		expect(manifest.warnings).toEqual([expect.stringContaining('are not followed')]);
		const target = join(folder(), 'new');
		const { warnings } = await restore(storage, manifest, target);
		expect(warnings).toContainEqual(expect.stringContaining('2 symbolic links among the binary data were left out'));
		expect(readdirSync(join(target, '.n8n/storage/workflows'))).toEqual(['one']);
	});

	it('says where data of executions lies that is not in it: in a bucket, or with other processes', async () => {
		const warned = async (env: Record<string, string>) => {
			const { settings, root } = makeInstance({ env });
			mkdirSync(join(root, '.n8n/storage'));
			const storage = emptyStorage();
			const manifest = await backUp(storage, settings, { binaryData: true });
			const { warnings } = await restore(storage, manifest, join(folder(), 'new'));
			return [...manifest.warnings, ...warnings.filter((text) => !text.includes('community packages'))];
		};
		expect(await warned({ N8N_DEFAULT_BINARY_DATA_MODE: 's3' })).toEqual([
			expect.stringMatching(/lies in a bucket \(s3\).*mirror the bucket/),
			expect.stringMatching(/lies in a bucket \(s3\): the new n8n needs it/),
		]);
		const inQueue = { EXECUTIONS_MODE: 'queue', N8N_DEFAULT_BINARY_DATA_MODE: 'filesystem' };
		expect(await warned(inQueue)).toEqual([expect.stringMatching(/queue mode.*nothing that other processes keep/)]);
		expect(await warned({ N8N_DEFAULT_BINARY_DATA_MODE: 'database' })).toEqual([]);
	});

	it('names community packages that npm does not have, and has the new n8n install none of them', async () => {
		const { settings, database } = makeInstance();
		database.exec(`INSERT INTO installed_packages VALUES ('n8n-nodes-own', 'file:../own')`);
		const storage = emptyStorage();
		const manifest = await backUp(storage, settings);
		expect(manifest.warnings).toContainEqual(expect.stringContaining('n8n-nodes-own file:../own'));
		const target = join(folder(), 'new');
		const { warnings } = await restore(storage, manifest, target);
		expect(warnings).toContainEqual(expect.stringContaining('1 community packages were not from npm'));
		const { dependencies } = JSON.parse(readFileSync(join(target, '.n8n/nodes/package.json'), 'utf8'));
		expect(dependencies).toEqual({ 'n8n-nodes-example': '1.2.3' });
	});

	it('passes a verification at every level', async () => {
		const storage = emptyStorage();
		const manifest = await backUp(storage, makeInstance().settings);
		const scratch = { n8n: { folder: folder() } };
		const key = archiveKey(manifest);
		const report = await verifyBackup({ storage, key, level: 'restore', keys: KEYS, scratch });
		expect(report).toMatchObject({ verdict: 'passed', reached: 'restore', findings: [] });
		expect(readdirSync(scratch.n8n.folder)).toEqual([]);
		expect(manifestKeyOf(key)).toBe(`${key}.manifest.json`);
	});
});
