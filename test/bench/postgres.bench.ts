/**
 * Back up and restore beside PostgreSQL's own tools, on one server in one run: `npm run bench -- postgres [GB] [rounds]`.
 * Needs Debian's PostgreSQL 15 and zstd (npm run test:system installs them). Prints medians; asserts nothing.
 */
import { execFile, spawn } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { type PostgresServer, startPostgres } from '../services/postgres';

import { createBenchDatabase } from './postgres-data';

interface Measure {
	seconds: number;
	/** Resident memory at its highest, of our process alone. */
	megabytes?: number;
	bytes?: number;
}

interface Contender {
	name: string;
	run: () => Promise<Measure>;
}

const ours = 'n8n-nodes-stack-backup';

function sizeOf(path: string): number {
	const stat = lstatSync(path);
	return stat.isDirectory() ? readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0) : stat.size;
}

async function shell(command: string, env: NodeJS.ProcessEnv): Promise<number> {
	const startedAt = performance.now();
	await new Promise<void>((resolve, reject) => {
		const child = spawn('bash', ['-o', 'pipefail', '-c', command], {
			env: { ...process.env, ...env },
			stdio: ['ignore', 'ignore', 'inherit'],
		});
		child.once('error', reject);
		child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${command} ended with ${code}`))));
	});
	return (performance.now() - startedAt) / 1000;
}

async function runOurs(
	server: PostgresServer,
	database: string,
	args: [what: string, folder: string, parallel: string, codec?: string],
): Promise<Measure> {
	const { host, port, user, password } = server;
	const [what, ...rest] = args;
	const script = join(__dirname, 'postgres-run.mjs');
	const connection = JSON.stringify({ host, port, user, password, database });
	const { stdout } = await promisify(execFile)(process.execPath, [script, what, connection, ...rest] as string[]);
	return JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as Measure;
}

/** Runs all contenders in turn, several times over, and gives the medians. */
async function compete(contenders: Contender[], rounds: number): Promise<Array<Measure & { name: string }>> {
	const results = new Map<string, Measure[]>();
	for (let round = 0; round < rounds; round++) {
		for (const { name, run } of contenders) results.set(name, [...(results.get(name) ?? []), await run()]);
	}
	return [...results].map(([name, measures]) => {
		const sorted = measures.sort((a, b) => a.seconds - b.seconds);
		return { name, ...(sorted[Math.floor(sorted.length / 2)] as Measure) };
	});
}

function print(title: string, results: Array<Measure & { name: string }>): void {
	const best = Math.min(...results.filter(({ name }) => !name.startsWith(ours)).map(({ seconds }) => seconds));
	console.log(`\n${title}`);
	console.table(
		results.map(({ name, seconds, bytes, megabytes }) => ({
			name,
			seconds: Number(seconds.toFixed(2)),
			'time to fastest native': Number((seconds / best).toFixed(2)),
			...(bytes === undefined ? {} : { 'size MB': Math.round(bytes / 1e6) }),
			'resident MB': megabytes === undefined ? '' : Math.round(megabytes),
		})),
	);
}

async function backups(server: PostgresServer, database: string, folder: string, rounds: number): Promise<void> {
	const env = server.environment(database);
	const path = (name: string) => join(folder, name);
	const native = (name: string, output: string, command: string): Contender => ({
		name,
		run: async () => {
			rmSync(path(output), { recursive: true, force: true });
			const seconds = await shell(command, env);
			return { seconds, bytes: sizeOf(path(output)) };
		},
	});
	const own = (name: string, output: string, parallel: string, codec: string): Contender => ({
		name: `${ours}, ${name}`,
		run: async () => {
			rmSync(path(output), { recursive: true, force: true });
			const measure = await runOurs(server, database, ['backup', path(output), parallel, codec]);
			return { ...measure, bytes: sizeOf(path(output)) };
		},
	});
	const dump = server.bin('pg_dump');
	print(
		'Back up',
		await compete(
			[
				own('zstd, 2 connections', 'ours', '2', 'zstd'),
				own('gzip, 2 connections', 'ours-gzip', '2', 'gzip'),
				native('pg_dump | zstd -3', 'plain.zst', `${dump} | zstd -3 -q -f -o ${path('plain.zst')}`),
				native('pg_dump -Fc', 'custom', `${dump} -Fc -f ${path('custom')}`),
				native('pg_dump -Fd -j2', 'directory', `${dump} -Fd -j2 -f ${path('directory')}`),
			],
			rounds,
		),
	);
}

async function restores(server: PostgresServer, database: string, folder: string, rounds: number): Promise<void> {
	const target = `${database}_native`;
	const fresh = async () => {
		await server.query('postgres', `DROP DATABASE IF EXISTS ${target}`);
		await server.query('postgres', `DROP DATABASE IF EXISTS ${database}_ours`);
		await server.query('postgres', `CHECKPOINT`);
	};
	const native = (name: string, command: string): Contender => ({
		name,
		run: async () => {
			await fresh();
			await server.query('postgres', `CREATE DATABASE ${target} TEMPLATE template0`);
			return { seconds: await shell(command, server.environment(target)) };
		},
	});
	const restore = server.bin('pg_restore');
	print(
		'Restore',
		await compete(
			[
				{
					name: `${ours}, 2 connections`,
					run: async () => {
						await fresh();
						return await runOurs(server, database, ['restore', join(folder, 'ours'), '2']);
					},
				},
				native('pg_restore -j2 of -Fc', `${restore} -j2 -d ${target} ${join(folder, 'custom')}`),
				native('pg_restore -j2 of -Fd', `${restore} -j2 -d ${target} ${join(folder, 'directory')}`),
			],
			rounds,
		),
	);
}

async function main([gigabytes = '2', rounds = '3']: string[]): Promise<void> {
	const server = await startPostgres({
		version: 15,
		onDisk: true,
		config: { shared_buffers: '512MB', max_wal_size: '4GB' },
	});
	const folder = mkdtempSync(join(tmpdir(), 'bench-'));
	mkdirSync(join(folder, 'ours'));
	try {
		const database = await createBenchDatabase(server, Number(gigabytes));
		const { rows } = await server.query<{ size: string }>(
			database,
			'SELECT pg_size_pretty(pg_database_size(current_database())) AS size',
		);
		console.log(`Database of ${rows[0]?.size ?? '?'}, PostgreSQL 15, median of ${rounds}.`);
		await backups(server, database, folder, Number(rounds));
		await restores(server, database, folder, Number(rounds));
	} finally {
		await server.stop();
		rmSync(folder, { recursive: true, force: true });
	}
}

void main(process.argv.slice(2));
