/**
 * Eight databases backed up by one worker of an n8n in queue mode, and by two: `npm run bench -- queue [megabytes of each] [rounds]
 * [MB/s ...]`, 40, 2, and 0 and 4 by default, 0 being no limit. Each back up is an execution of its own, as in the template of the daily backup in parts, and each
 * worker takes one at a time; then one worker that takes two. First as fast as they are, which on a small machine its cores limit,
 * for the workers and the databases' server share them; then with that bandwidth for each back up, as where a storage or a server
 * far away is what one waits for. Prints medians of time and of CPU seconds, and asserts nothing. Needs Debian's Redis.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { startN8nQueue, type N8nQueue } from '../services/n8n-queue';
import { type PostgresServer, startPostgres } from '../services/postgres';
import type { ServerProcess } from '../services/process';

import { busySeconds, cpuOfTree } from './measure';
import { createBenchDatabase } from './postgres-data';

const ROOT = join(__dirname, '..', '..');
const DATABASES = 8;

interface Team {
	name: string;
	workers: number;
	/** How many back ups each worker takes at once. */
	jobs: number;
}

const TEAMS: Team[] = [
	{ name: 'one worker, one at once', workers: 1, jobs: 1 },
	{ name: 'two workers, one at once each', workers: 2, jobs: 1 },
	{ name: 'one worker, two at once', workers: 1, jobs: 2 },
];

interface Measure {
	seconds: number;
	workersCpu: number;
	serverCpu: number;
	/** Cores that were busy with something else: n8n's main process, its database, Redis, and whatever the machine does besides. */
	otherCores: number;
	/** How many back ups each worker made. */
	shares: string;
}

/** A workflow that backs up the database that its caller names; answers its path. */
async function publish({ main }: N8nQueue, server: PostgresServer, bandwidthLimit: number): Promise<string> {
	const { host, port, user, password } = server;
	const path = `back-up-${bandwidthLimit}`;
	const folderPath = join(main.connection.filesFolder, path);
	mkdirSync(folderPath);
	const login = { host, port, user, password, database: 'postgres', ssl: 'disable', sshTunnel: false };
	const credentials = {
		postgres: await main.createCredential(path, 'postgres', login),
		backupStorageApi: await main.createCredential(path, 'backupStorageApi', { type: 'folder', folderPath }),
	};
	const webhook = { httpMethod: 'POST', path, responseMode: 'onReceived', options: {} };
	const backUp = {
		operation: 'backUp',
		databaseMode: 'chosen',
		databases: '={{ [$json.body.name] }}',
		options: { bandwidthLimit },
	};
	const id = await main.createWorkflow({
		name: path,
		nodes: [
			{ name: 'Webhook', type: 'n8n-nodes-base.webhook', typeVersion: 2, parameters: webhook },
			{ name: 'Back Up', type: 'n8n-nodes-stack-backup.postgresDump', parameters: backUp, credentials },
		],
		connections: { Webhook: { main: [[{ node: 'Back Up', type: 'main', index: 0 }]] } },
	});
	await main.activate(id);
	return path;
}

/** All at once, until n8n has stored that the last one has ended. */
async function backUpAll({ main, postgres }: N8nQueue, path: string, names: string[]): Promise<number> {
	const ended = async () => {
		const sql = `SELECT status, count(*)::int AS count FROM execution_entity WHERE "stoppedAt" IS NOT NULL GROUP BY status`;
		const { rows } = await postgres.query<{ status: string; count: number }>('n8n_queue', sql);
		const bad = rows.find(({ status }) => status !== 'success');
		if (bad) throw new Error(`Executions ended as ${bad.status}.`);
		return rows.reduce((sum, { count }) => sum + count, 0);
	};
	const wanted = (await ended()) + names.length;
	const startedAt = performance.now();
	await Promise.all(names.map(async (name) => await main.webhook(path, { name })));
	while ((await ended()) < wanted) await sleep(20);
	return (performance.now() - startedAt) / 1000;
}

async function measure(queue: N8nQueue, team: Team, path: string, names: string[], server: number): Promise<Measure> {
	const env = { N8N_CONCURRENCY_PRODUCTION_LIMIT: String(team.jobs) };
	const workers = await Promise.all(Array.from({ length: team.workers }, async () => await queue.startWorker(env)));
	try {
		// The first back up of a process compiles pg_dump, once for weeks.
		await backUpAll(queue, path, names.slice(0, workers.length * team.jobs));
		const made = (worker: ServerProcess) => worker.output().split('Worker finished execution').length;
		const before = { cpu: sumOf(workers), server: cpuOfTree(server), busy: busySeconds(), made: workers.map(made) };
		const seconds = await backUpAll(queue, path, names);
		const workersCpu = sumOf(workers) - before.cpu;
		const serverCpu = cpuOfTree(server) - before.server;
		return {
			seconds,
			workersCpu,
			serverCpu,
			otherCores: (busySeconds() - before.busy - workersCpu - serverCpu) / seconds,
			shares: workers.map((worker, index) => made(worker) - before.made[index]!).join(' + '),
		};
	} finally {
		for (const worker of workers) await worker.stop();
	}
}

function sumOf(workers: ServerProcess[]): number {
	return workers.reduce((sum, { pid }) => sum + cpuOfTree(pid), 0);
}

function median(values: number[]): number {
	return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

async function scene(title: string, rounds: number, run: (team: Team) => Promise<Measure>): Promise<void> {
	const measures = new Map<Team, Measure[]>(TEAMS.map((team) => [team, []]));
	for (let round = 0; round < rounds; round++) {
		for (const team of TEAMS) measures.get(team)!.push(await run(team));
	}
	console.log(`\n${title}, on ${cpus().length} cores`);
	const one = median(measures.get(TEAMS[0]!)!.map(({ seconds }) => seconds));
	console.table(
		[...measures].map(([{ name }, all]) => {
			const of = (value: (measure: Measure) => number) => Number(median(all.map(value)).toFixed(2));
			return {
				name,
				seconds: of(({ seconds }) => seconds),
				'times as fast': Number((one / of(({ seconds }) => seconds)).toFixed(2)),
				'CPU s of workers': of(({ workersCpu }) => workersCpu),
				'CPU s of the server': of(({ serverCpu }) => serverCpu),
				'others, cores': of(({ otherCores }) => otherCores),
				'back ups by worker': all.map(({ shares }) => shares).join(', '),
			};
		}),
	);
}

async function main(megabytes: number, rounds: number, limits: number[]): Promise<void> {
	const [queue, server] = await Promise.all([startN8nQueue({ packageFolder: ROOT }), startPostgres({ version: 18 })]);
	try {
		const first = await createBenchDatabase(server, megabytes / 1000);
		const names = Array.from({ length: DATABASES }, (_, index) => `${first}_${index + 1}`);
		for (const name of names) await server.query('postgres', `CREATE DATABASE ${name} TEMPLATE ${first}`);
		const postmaster = Number(readFileSync(join(server.dataDir, 'postmaster.pid'), 'utf8').split('\n')[0]);
		for (const limit of limits) {
			const path = await publish(queue, server, limit);
			const how = limit === 0 ? 'as fast as they are' : `each at ${limit} MB/s`;
			const title = `${DATABASES} databases of ${megabytes} MB, ${how}`;
			await scene(title, rounds, async (team) => await measure(queue, team, path, names, postmaster));
		}
	} finally {
		await queue.stop();
		await server.stop();
	}
}

const [megabytes = 40, rounds = 2, ...limits] = process.argv.slice(2).map(Number);
void main(megabytes, rounds, limits.length > 0 ? limits : [0, 4]);
