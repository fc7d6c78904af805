import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Certificate } from './certificates';
import { removeFolder, temporaryFolder, temporaryFolderOnDisk } from './guard';
import { freePort, startProcess } from './process';

export const QDRANT_PROGRAM = join(
	__dirname,
	'..',
	'..',
	'node_modules',
	'@just-memory',
	'qdrant-linux-x64',
	'bin',
	'qdrant',
);

export interface QdrantOptions {
	/** Asked of every client; without one the server lets everybody in. */
	apiKey?: string;
	/** A second one, with which one may only read. */
	readOnlyApiKey?: string;
	/** Lets in whoever has a token that the API key has signed, too. */
	tokens?: boolean;
	/** Speaks https with this certificate, on 127.0.0.1. */
	tls?: Certificate;
	/** Part of a cluster: the first peer needs no `bootstrap`, the others name the first one's `peerUrl`. */
	cluster?: { bootstrap?: string };
	/** Its data lies on a disk, in as many segments as Qdrant makes by itself; otherwise in memory where that has room, in one. */
	onDisk?: boolean;
	/** Further arguments: `--storage-snapshot <file>`. */
	arguments?: string[];
}

export interface QdrantServer {
	url: string;
	apiKey?: string;
	/** With `cluster`: the address that other peers join by. */
	peerUrl?: string;
	/** Holds its `storage` and `snapshots`. */
	folder: string;
	/** Of its process; another one after a restart. */
	readonly pid: number;
	/** The end of its log. */
	log(): string;
	/** Ends it at once; its data stays. */
	kill(): Promise<void>;
	/** Starts it again over its data, on the same ports. */
	restart(): Promise<void>;
	/** Ends it and removes its data. */
	stop(): Promise<void>;
}

/** Starts a Qdrant server with empty data on free ports of 127.0.0.1, in less than a second. */
export async function startQdrant(options: QdrantOptions = {}): Promise<QdrantServer> {
	const folder = options.onDisk ? temporaryFolderOnDisk('qdrant') : temporaryFolder('qdrant');
	const port = await freePort();
	const peerPort = await freePort();
	const configFile = join(folder, 'config.yaml');
	const config = {
		log_level: 'INFO',
		telemetry_disabled: true,
		service: {
			host: '127.0.0.1',
			http_port: port,
			grpc_port: await freePort(),
			enable_cors: false,
			enable_tls: options.tls !== undefined,
			...(options.apiKey !== undefined && { api_key: options.apiKey }),
			...(options.tokens && { jwt_rbac: true }),
			...(options.readOnlyApiKey !== undefined && { read_only_api_key: options.readOnlyApiKey }),
		},
		...(options.tls && { tls: storeCertificate(folder, options.tls) }),
		cluster: { enabled: options.cluster !== undefined, p2p: { port: peerPort } },
		storage: {
			storage_path: join(folder, 'storage'),
			snapshots_path: join(folder, 'snapshots'),
			// Small write-ahead logs: each shard reserves the whole capacity on disk.
			wal: { wal_capacity_mb: 1 },
			// Each segment reserves tens of megabytes, which is most of what a restore of a few points costs the server.
			...(options.onDisk ? {} : { optimizers: { default_segment_number: 1 } }),
		},
	};
	mkdirSync(join(folder, 'storage'));
	// JSON is YAML.
	writeFileSync(configFile, JSON.stringify(config));
	chmodSync(QDRANT_PROGRAM, 0o755);
	const url = `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`;
	const peerUrl = `http://127.0.0.1:${peerPort}`;
	const start = () =>
		startProcess({
			name: 'Qdrant',
			command: QDRANT_PROGRAM,
			args: ['--config-path', configFile, ...clusterArguments(options.cluster, peerUrl), ...(options.arguments ?? [])],
			env: { PATH: process.env['PATH'] },
			cwd: folder,
			// Other peers join by a port of its own, which is open a while after the one for requests.
			ready: async () => (await isReady(`${url}/readyz`)) && (!options.cluster || (await isListening(peerPort))),
			// Its clean end takes four seconds, and the data goes anyway.
			stopSignal: 'SIGKILL',
			readyWithinMs: 60_000,
		});
	let server = await start();
	return {
		url,
		...(options.apiKey !== undefined && { apiKey: options.apiKey }),
		...(options.cluster && { peerUrl }),
		folder,
		get pid() {
			return server.pid;
		},
		log: () => server.output(),
		kill: () => server.stop(),
		async restart() {
			server = await start();
		},
		async stop() {
			await server.stop();
			removeFolder(folder);
		},
	};
}

function clusterArguments(cluster: QdrantOptions['cluster'], peerUrl: string): string[] {
	if (!cluster) return [];
	return cluster.bootstrap ? ['--bootstrap', cluster.bootstrap, '--uri', peerUrl] : ['--uri', peerUrl];
}

function storeCertificate(folder: string, { cert, key }: Certificate): object {
	const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
	writeFileSync(files.cert, cert);
	writeFileSync(files.key, key);
	return files;
}

async function isListening(port: number): Promise<boolean> {
	const socket = connect(port, '127.0.0.1');
	try {
		await once(socket, 'connect');
		return true;
	} finally {
		socket.destroy();
	}
}

/** Whoever's certificate it is: whether a client trusts it is for the tests to see. */
async function isReady(url: string): Promise<boolean> {
	const options = { rejectUnauthorized: false, agent: false } as const;
	return await new Promise((resolve, reject) => {
		(url.startsWith('https:') ? https : http)
			.get(url, options, (answer) => {
				answer.resume();
				resolve(answer.statusCode === 200);
			})
			.on('error', reject);
	});
}
