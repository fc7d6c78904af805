/** The Compose files: read by Compose's own loader, and what the containers run is run here by the real servers. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { loadCompose, readYaml, type ComposeModel, type ComposeService } from '../../services/deploy-tools';
import { programOf } from '../../services/go-programs';
import { removeFolder, temporaryFolder, temporaryFolderOnDisk } from '../../services/guard';
import { startPostgres } from '../../services/postgres';
import { freePort, startProcess } from '../../services/process';
import { QDRANT_PROGRAM } from '../../services/qdrant';
import { s3Server } from '../../services/s3/server';
import { VERSITYGW } from '../../services/s3/versitygw';
import { promtool } from '../monitoring/promtool';

const ROOT = join(__dirname, '..', '..', '..');

/** A copy of the folder, with secrets of its own. */
let deploy: string;
let stack: ComposeModel;
beforeAll(() => {
	const folder = temporaryFolder('deploy');
	for (const part of ['deploy', 'monitoring']) {
		const isSecret = (source: string) => basename(source) === 'secrets';
		cpSync(join(ROOT, part), join(folder, part), { recursive: true, filter: (source) => !isSecret(source) });
	}
	deploy = join(folder, 'deploy');
	execFileSync('sh', [join(deploy, 'make-secrets.sh')]);
	stack = loadCompose(deploy, ['compose.yaml']);
	return () => removeFolder(folder);
});

const secret = (name: string) => readFileSync(join(deploy, 'secrets', name), 'utf8');

function environmentOf({ environment = {} }: ComposeService): Record<string, string> {
	if (!Array.isArray(environment)) return environment;
	return Object.fromEntries(environment.map((line) => [line.split('=', 1)[0]!, line.slice(line.indexOf('=') + 1)]));
}

describe('the secrets', () => {
	it('are made once, each of its own, in a folder that nobody else can enter', () => {
		const names = Object.values(stack.secrets).map(({ file }) => basename(file));
		const made = names.map(secret);
		expect(new Set(made).size).toBe(names.length);
		for (const text of made) expect(text).toMatch(/\b[A-Za-z0-9]{32}$/m);
		expect(statSync(join(deploy, 'secrets')).mode & 0o777).toBe(0o700);
		execFileSync('sh', [join(deploy, 'make-secrets.sh')]);
		expect(names.map(secret)).toEqual(made);
	});

	it('are in no environment, and everything that a service is to read is there', () => {
		for (const [name, service] of Object.entries(stack.services)) {
			const environment = environmentOf(service);
			for (const [variable, value] of Object.entries(environment)) {
				if (/PASSWORD|SECRET|KEY/.test(variable)) expect(value, `${name}: ${variable}`).toMatch(/^\/run\/secrets\//);
			}
			const targets = (service.secrets ?? []).map(({ target }) => target);
			const read = Object.values(environment).filter((value) => value.startsWith('/run/secrets/'));
			expect(targets, name).toEqual(expect.arrayContaining(read));
		}
	});
});

describe('the services', () => {
	it('have images of one version each, come back by themselves, and are open on this machine alone', () => {
		const names = ['grafana', 'n8n', 'postgres', 'prometheus', 'qdrant', 's3'];
		expect(Object.keys(stack.services).sort()).toEqual(names);
		for (const [name, service] of Object.entries(stack.services)) {
			expect(service.image, name).toMatch(/:(?:v?\d+\.\d+|local$)/);
			expect(service.restart, name).toBe('unless-stopped');
			for (const { host_ip } of service.ports ?? []) expect(host_ip, name).toBe('127.0.0.1');
		}
	});

	it('mount only files that are there, and never to write to them', () => {
		for (const { volumes = [] } of Object.values(stack.services)) {
			for (const { type, source, read_only: isReadOnly } of volumes) {
				if (type !== 'bind') continue;
				expect(statSync(source).isFile() || statSync(source).isDirectory()).toBe(true);
				expect(isReadOnly, source).toBe(true);
			}
		}
	});

	it('are joined by Redis and workers in queue mode, which see the same backups, database and key', () => {
		const { n8n, worker, redis } = loadCompose(deploy, ['compose.yaml', 'compose.queue.yaml']).services;
		const main = environmentOf(n8n!);
		expect(main).toMatchObject({ EXECUTIONS_MODE: 'queue', QUEUE_BULL_REDIS_HOST: 'redis' });
		expect(environmentOf(worker!)).toEqual(main);
		expect(worker!.secrets).toEqual(n8n!.secrets);
		const backups = n8n!.volumes!.find(({ target }) => target === '/backups');
		expect(worker!.volumes).toEqual([backups]);
		expect(redis!.image).toMatch(/^redis:\d/);
	});
});

it('the S3 server starts with the keys, and with two buckets', async () => {
	const data = temporaryFolderOnDisk('deploy-s3');
	onTestFinished(() => removeFolder(data));
	mkdirSync(join(data, 'versions'));
	const port = await freePort();
	const endpoint = `http://127.0.0.1:${port}`;
	const bin = join(data, 'bin');
	mkdirSync(bin);
	execFileSync('ln', ['-s', programOf(VERSITYGW)!, join(bin, 'versitygw')]);
	const server = await startProcess({
		name: 'VersityGW',
		command: 'sh',
		args: [join(deploy, 's3', 'start.sh')],
		env: {
			PATH: `${bin}:${process.env['PATH']}`,
			SECRETS: join(deploy, 'secrets'),
			DATA: join(data, 'data'),
			VERSIONS: join(data, 'versions'),
			ADDRESS: `127.0.0.1:${port}`,
		},
		ready: async () => (await fetch(`${endpoint}/health`)).ok,
		readyWithinMs: 60_000,
	});
	onTestFinished(() => server.stop());
	const keys = { accessKeyId: secret('s3_access_key'), secretAccessKey: secret('s3_secret_key') };
	const { client } = s3Server({ endpoint, region: 'us-east-1', ...keys }, () => Promise.resolve());
	expect((await client.listBuckets()).map(({ name }) => name).sort()).toEqual(['backups', 'documents']);
	await client.putObject('documents', 'a.txt', 'one');
	expect((await client.statObject('documents', 'a.txt')).size).toBe(3);
});

it('PostgreSQL gets the role and the database of n8n', async () => {
	const postgres = await startPostgres({ version: 15 });
	onTestFinished(() => postgres.stop());
	const { host, port, user, password } = postgres;
	const env = { PATH: process.env['PATH'], PGHOST: host, PGPORT: String(port), PGPASSWORD: password };
	const init = ['sh', [join(deploy, 'postgres', 'init.sh')]] as const;
	execFileSync(...init, {
		env: { ...env, POSTGRES_USER: user, PGDATABASE: 'postgres', SECRETS: join(deploy, 'secrets') },
	});
	const asN8n = { ...env, PGPASSWORD: secret('n8n_database_password') };
	const query = [
		'--username=n8n',
		'--dbname=n8n',
		'--no-align',
		'--tuples-only',
		'--command=CREATE TABLE t (); SELECT 1',
	];
	expect(execFileSync('psql', ['--quiet', ...query], { env: asN8n, encoding: 'utf8' })).toBe('1\n');
});

it('Qdrant asks for the key of its configuration', async () => {
	const folder = temporaryFolder('deploy-qdrant');
	onTestFinished(() => removeFolder(folder));
	const config = join(folder, 'config');
	mkdirSync(config);
	const { target } = stack.services['qdrant']!.secrets![0]!;
	cpSync(join(deploy, 'secrets', 'qdrant.yaml'), join(config, basename(target)));
	const ports = [await freePort(), await freePort()];
	const url = `http://127.0.0.1:${ports[0]}`;
	const server = await startProcess({
		name: 'Qdrant',
		command: QDRANT_PROGRAM,
		args: [],
		cwd: folder,
		env: {
			PATH: process.env['PATH'],
			QDRANT__SERVICE__HTTP_PORT: String(ports[0]),
			QDRANT__SERVICE__GRPC_PORT: String(ports[1]),
			QDRANT__SERVICE__HOST: '127.0.0.1',
		},
		ready: async () => (await fetch(`${url}/healthz`)).ok,
		readyWithinMs: 60_000,
	});
	onTestFinished(() => server.stop());
	const [document] = readYaml(join(config, 'local.yaml')) as [{ service: { api_key: string } }];
	expect((await fetch(`${url}/collections`)).status).toBe(401);
	const headers = { 'api-key': document.service.api_key };
	expect((await fetch(`${url}/collections`, { headers })).status).toBe(200);
});

it('Prometheus takes its configuration with our rules, and Grafana is told of both', () => {
	const folder = temporaryFolder('deploy-prometheus');
	onTestFinished(() => removeFolder(folder));
	const { volumes = [], secrets = [] } = stack.services['prometheus']!;
	const password = join(deploy, 'secrets', 'metrics_password');
	expect(secrets).toEqual([{ source: 'metrics_password', target: '/run/secrets/metrics_password' }]);
	const placed = volumes.filter(({ type }) => type === 'bind');
	for (const { source, target } of placed) cpSync(source, join(folder, basename(target)));
	const file = join(folder, 'prometheus.yml');
	execFileSync('sed', ['-i', `s#/run/secrets/metrics_password#${password}#`, file]);
	expect(promtool(['check', 'config', file])).toMatchObject({
		isGood: true,
		output: expect.stringMatching(/rules found/),
	});
	const provisioning = join(deploy, 'grafana', 'provisioning');
	expect(readYaml(join(provisioning, 'datasources', 'prometheus.yml'))).toMatchObject([
		{ datasources: [{ type: 'prometheus', url: 'http://prometheus:9090' }] },
	]);
	const [dashboards] = readYaml(join(provisioning, 'dashboards', 'backups.yml')) as [
		{ providers: [{ options: { path: string } }] },
	];
	const { path } = dashboards.providers[0].options;
	expect(stack.services['grafana']!.volumes!.some(({ target }) => target.startsWith(`${path}/`))).toBe(true);
});
