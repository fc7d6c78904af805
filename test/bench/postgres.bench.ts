/**
 * Back up and restore beside PostgreSQL's own tools, on one server in one run, in turn: `npm run bench -- postgres [GB]
 * [rounds] [scenes]`, the scenes being `backup`, `formats`, `restore`, `s3` and `small`; by default all. Needs Debian's PostgreSQL 15, zstd, gpg and rclone, and MinIO (npm run test:system installs them). Prints medians of time and of
 * CPU seconds, the server's included, and how busy the machine was; asserts nothing. Back ups and restores are measured by way
 * of a folder and of a bucket of MinIO, whose own work is part of `others`; then back ups of 4,000 small tables and of 1,000 partitions, the
 * first of a process and the second, as each night's is in an n8n that runs for weeks.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { type PostgresServer, startPostgres } from '../services/postgres';
import { startMinio } from '../services/s3/minio';

import { compete, type Contender, print } from './measure';
import { createBenchDatabase, createPartitions, createSmallTables } from './postgres-data';

const ours = 'n8n-nodes-stack-backup';

function sizeOf(path: string): number {
	const stat = lstatSync(path);
	return stat.isDirectory() ? readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0) : stat.size;
}

async function shell(command: string, env: NodeJS.ProcessEnv): Promise<void> {
	await new Promise<void>((resolve, reject) => {
		const child = spawn('bash', ['-o', 'pipefail', '-c', command], {
			env: { ...process.env, ...env },
			stdio: ['ignore', 'ignore', 'inherit'],
		});
		child.once('error', reject);
		child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${command} ended with ${code}`))));
	});
}

type Run = [what: string, folder: string, parallel: string, codec?: string, passphrase?: string];

/** A process for one run of ours: see postgres-run.mjs. */
function startOurs(server: PostgresServer, database: string, [what, ...rest]: Run): ChildProcess {
	const { host, port, user, password } = server;
	const script = join(__dirname, 'postgres-run.mjs');
	const connection = JSON.stringify({ host, port, user, password, database });
	const args = [script, what, connection, ...rest.filter((arg) => arg !== undefined)];
	return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
}

async function resultOf(child: ChildProcess): Promise<Awaited<ReturnType<Contender['run']>>> {
	const [output] = await Promise.all([text(child.stdout!), once(child, 'exit')]);
	return JSON.parse(output.trim().split('\n').at(-1) ?? '{}') as Awaited<ReturnType<Contender['run']>>;
}

const runOurs = async (server: PostgresServer, database: string, args: Run) =>
	await resultOf(startOurs(server, database, args));

/** The postmaster's process number: the first line of its lock file. */
const processOf = (server: PostgresServer): number =>
	Number(readFileSync(join(server.dataDir, 'postmaster.pid'), 'utf8').split('\n')[0]);

const PLAIN = 'pg_dump | zstd -3';
/** As near as stock tools come to what ours does: a hash of the file (ours has one of each frame as well), and the file on the disk. */
const CHECKED = 'pg_dump | zstd -3 | tee | sha256sum, sync';
const ENCRYPTED = 'pg_dump | zstd -3 | gpg --symmetric';

type Options = [parallel: string, codec: string, passphrase?: string];

/** Back ups of ours: the first one of a process, and the second one, as each night's is in an n8n that runs for weeks. */
function firstAndSecond(
	server: PostgresServer,
	database: string,
	peer: string,
	output: string,
	options: Options,
): Contender[] {
	const [parallel, codec, passphrase] = options;
	const name = [ours, `${codec}, connections: ${parallel}`, ...(passphrase ? ['encrypted'] : [])].join(', ');
	const prepare = async () => {
		for (const path of [output, `${output}-2`]) await rm(path, { recursive: true, force: true });
	};
	let child: ChildProcess;
	return [
		{
			name,
			peer,
			prepare,
			run: async () => ({
				...(await runOurs(server, database, ['backup', output, ...options])),
				bytes: sizeOf(output),
			}),
		},
		{
			name: `${name}, second of a process`,
			peer,
			prepare: async () => {
				await prepare();
				child = startOurs(server, database, ['again', output, ...options]);
				await once(child, 'message');
			},
			run: async () => {
				child.send('go on');
				return { ...(await resultOf(child)), bytes: sizeOf(`${output}-2`) };
			},
		},
	];
}

async function backups(
	server: PostgresServer,
	database: string,
	folder: string,
	rounds: { backup: number; formats: number },
): Promise<void> {
	const env = { ...server.environment(database), GNUPGHOME: folder };
	const path = (name: string) => join(folder, name);
	const prepare = (output: string) => () => Promise.resolve(rmSync(path(output), { recursive: true, force: true }));
	const native = (name: string, output: string, command: string): Contender => ({
		name,
		prepare: prepare(output),
		run: async () => {
			await shell(command, env);
			return { bytes: sizeOf(path(output)) };
		},
	});
	const own = (peer: string, output: string, ...options: Options) =>
		firstAndSecond(server, database, peer, path(output), options);
	const dump = server.bin('pg_dump');
	const gpg = 'gpg --batch --quiet --symmetric --cipher-algo AES256 --compress-algo none --pinentry-mode loopback';
	const encrypted = `${dump} | zstd -3 -q | ${gpg} --passphrase secret -o ${path('plain.zst.gpg')}`;
	const checked = `${dump} | zstd -3 -q | tee ${path('checked.zst')} | sha256sum && sync ${path('checked.zst')}`;
	const compressed = [
		native(PLAIN, 'plain.zst', `${dump} | zstd -3 -q -f -o ${path('plain.zst')}`),
		{ ...native(CHECKED, 'checked.zst', checked), peer: PLAIN },
		...own(PLAIN, 'ours', '2', 'zstd'),
		...own(PLAIN, 'ours-1', '1', 'zstd'),
		native(ENCRYPTED, 'plain.zst.gpg', encrypted),
		...own(ENCRYPTED, 'ours-encrypted', '2', 'zstd', 'secret'),
	];
	const formats = [
		native('pg_dump -Fc', 'custom', `${dump} -Fc -f ${path('custom')}`),
		native('pg_dump -Fd -j2', 'directory', `${dump} -Fd -j2 -f ${path('directory')}`),
		...own('pg_dump -Fd -j2', 'ours-gzip', '2', 'gzip'),
	];
	if (rounds.backup) print('Back up', await compete(compressed, rounds.backup, processOf(server)));
	if (rounds.formats) print('Back up in other formats', await compete(formats, rounds.formats, processOf(server)));
}

/** Into a bucket and back: ours, and what others would send there and load from there. MinIO's CPU seconds are nobody's. */
async function throughBucket(server: PostgresServer, database: string, rounds: number): Promise<void> {
	const s3 = await startMinio({ onDisk: true });
	try {
		const bucket = await s3.createBucket();
		const { endpoint, region, accessKeyId, secretAccessKey } = s3;
		const envOf = (of: string) => ({
			...server.environment(of),
			// rclone refuses it for servers without TLS.
			AWS_CA_BUNDLE: undefined,
			RCLONE_CONFIG_BENCH_TYPE: 's3',
			RCLONE_CONFIG_BENCH_PROVIDER: 'Minio',
			RCLONE_CONFIG_BENCH_ENDPOINT: endpoint,
			RCLONE_CONFIG_BENCH_REGION: region,
			RCLONE_CONFIG_BENCH_ACCESS_KEY_ID: accessKeyId,
			RCLONE_CONFIG_BENCH_SECRET_ACCESS_KEY: secretAccessKey,
		});
		const rclone = 'rclone --config /dev/null';
		const object = `bench:${bucket}/plain.zst`;
		const options = JSON.stringify({ endpoint, region, accessKeyId, secretAccessKey, bucket });
		const own = (what: string, peer: string, parallel: string, prepare?: () => Promise<void>): Contender => ({
			name: `${ours}, connections: ${parallel}`,
			peer,
			...(prepare && { prepare }),
			run: () => runOurs(server, database, [what, options, parallel, 'zstd']),
		});
		const native = (name: string, command: string, of: string, prepare?: () => Promise<void>): Contender => ({
			name,
			...(prepare && { prepare }),
			run: async () => {
				await shell(command, envOf(of));
				return {};
			},
		});
		const stored = 'pg_dump | zstd -3 | rclone rcat';
		const store = `${server.bin('pg_dump')} | zstd -3 -q | ${rclone} rcat ${object}`;
		const backUps = [native(stored, store, database), own('backup', stored, '2'), own('backup', stored, '1')];
		print('Back up to S3', await compete(backUps, rounds, processOf(server)));
		const loaded = 'rclone cat | zstd -d | psql';
		const target = `${database}_native`;
		const load = `${rclone} cat ${object} | zstd -d -q | ${server.bin('psql')} -q -v ON_ERROR_STOP=1 ${target}`;
		const fresh = () => dropRestored(server, database);
		const restored = [
			native(loaded, load, target, async () => {
				await fresh();
				await server.query('postgres', `CREATE DATABASE ${target} TEMPLATE template0`);
			}),
			own('restore', loaded, '2', fresh),
			own('restore', loaded, '1', fresh),
		];
		print('Restore from S3', await compete(restored, rounds, processOf(server)));
		await fresh();
	} finally {
		await s3.stop();
	}
}

/** Back ups of databases whose tables are many, and small. */
async function smallTables(server: PostgresServer, folder: string, rounds: number): Promise<void> {
	const made = [
		{ title: '4,000 small tables', database: await createSmallTables(server, 4000) },
		{ title: '1,000 partitions', database: await createPartitions(server, 1000) },
	];
	for (const { title, database } of made) {
		const output = join(folder, 'small');
		const native: Contender = {
			name: PLAIN,
			prepare: () => rm(`${output}.zst`, { force: true }),
			run: async () => {
				await shell(`${server.bin('pg_dump')} | zstd -3 -q -f -o ${output}.zst`, server.environment(database));
				return { bytes: sizeOf(`${output}.zst`) };
			},
		};
		const contenders = [
			native,
			...firstAndSecond(server, database, PLAIN, output, ['2', 'zstd']),
			...firstAndSecond(server, database, PLAIN, output, ['1', 'zstd']),
		];
		print(`Back up of ${title}`, await compete(contenders, rounds, processOf(server)));
	}
}

/** Drops what was restored before, by ours and by others. */
async function dropRestored(server: PostgresServer, database: string): Promise<void> {
	await server.query('postgres', `DROP DATABASE IF EXISTS ${database}_native`);
	await server.query('postgres', `DROP DATABASE IF EXISTS ${database}_ours`);
	await server.query('postgres', 'CHECKPOINT');
}

async function restores(server: PostgresServer, database: string, folder: string, rounds: number): Promise<void> {
	const target = `${database}_native`;
	const fresh = () => dropRestored(server, database);
	const native = (name: string, command: string): Contender => ({
		name,
		prepare: async () => {
			await fresh();
			await server.query('postgres', `CREATE DATABASE ${target} TEMPLATE template0`);
		},
		run: async () => {
			await shell(command, server.environment(target));
			return {};
		},
	});
	const own = (peer: string, output: string, passphrase?: string): Contender => ({
		name: `${ours}, connections: 2${passphrase ? ', encrypted' : ''}`,
		peer,
		prepare: fresh,
		run: () => runOurs(server, database, ['restore', join(folder, output), '2', 'zstd', passphrase]),
	});
	const restore = server.bin('pg_restore');
	const custom = 'pg_restore -j2 of -Fc';
	print(
		'Restore',
		await compete(
			[
				native(custom, `${restore} -j2 -d ${target} ${join(folder, 'custom')}`),
				own(custom, 'ours'),
				own(custom, 'ours-encrypted', 'secret'),
				native('pg_restore -j2 of -Fd', `${restore} -j2 -d ${target} ${join(folder, 'directory')}`),
			],
			rounds,
			processOf(server),
		),
	);
}

async function main([gigabytes = '2', rounds = '5', ...scenes]: string[]): Promise<void> {
	const server = await startPostgres({
		version: 15,
		onDisk: true,
		config: { shared_buffers: '512MB', max_wal_size: '4GB', max_locks_per_transaction: '256' },
	});
	const folder = mkdtempSync(join(tmpdir(), 'bench-'));
	try {
		const database = await createBenchDatabase(server, Number(gigabytes));
		const { rows } = await server.query<{ size: string }>(
			database,
			'SELECT pg_size_pretty(pg_database_size(current_database())) AS size',
		);
		console.log(`Database of ${rows[0]?.size ?? '?'}, PostgreSQL 15, median of ${rounds}.`);
		const isWanted = (scene: string) => scenes.length === 0 || scenes.includes(scene);
		// What is restored is what these have made.
		const makes = (scene: string) => (isWanted(scene) ? Number(rounds) : Number(isWanted('restore')));
		await backups(server, database, folder, { backup: makes('backup'), formats: makes('formats') });
		if (isWanted('restore')) await restores(server, database, folder, Number(rounds));
		if (isWanted('s3')) await throughBucket(server, database, Number(rounds));
		if (isWanted('small')) await smallTables(server, folder, Number(rounds));
	} finally {
		await server.stop();
		rmSync(folder, { recursive: true, force: true });
	}
}

void main(process.argv.slice(2));
