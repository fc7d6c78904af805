/**
 * Mirrors beside `rclone sync`, on one MinIO: `npm run bench -- mirror [small objects] [large objects] [rounds]`, 20,000 and 20
 * by default, once. Between two addresses of the server, so that the bytes are read and written; then the same where nothing
 * changed; then on the server, by copies of its own. Needs MinIO and Debian's rclone (npm run test:system installs them).
 */
import { execFile, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';

import { S3Client } from '../../engine/minio/client';
import { BucketPlace, mirror } from '../../engine/minio/mirror';
import { inParallel } from '../../engine/parallel';
import { startMinio } from '../services/s3/minio';
import type { S3Server } from '../services/s3/server';
import { compete, print, type Contender } from './measure';

const SMALL_BYTES = 4096;
const LARGE_BYTES = 64 * 1024 * 1024;
const PART_BYTES = 8 * 1024 * 1024;

interface Run {
	access: { region: string; accessKeyId: string; secretAccessKey: string };
	from: { endpoint: string; bucket: string };
	to: { endpoint: string; bucket: string };
}

/** In a process of its own, for its memory. */
async function runMirror({ access, from, to }: Run): Promise<void> {
	const place = ({ endpoint, bucket }: Run['from'], role: 'source' | 'target') =>
		new BucketPlace({
			client: new S3Client({ ...access, endpoint, partSize: PART_BYTES }, role),
			bucket,
			partSize: PART_BYTES,
		});
	const started = performance.now();
	const before = process.cpuUsage();
	const report = await mirror({ source: place(from, 'source'), target: place(to, 'target') });
	const { user, system } = process.cpuUsage(before);
	process.send?.({
		seconds: (performance.now() - started) / 1000,
		cpu: (user + system) / 1e6,
		// Not what resourceUsage tells: that begins with the memory of the process that started this one.
		megabytes: Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024,
		bytes: report.added.bytes,
	});
}

function ours(name: string, peer: string, run: Run, prepare?: () => Promise<void>): Contender {
	return {
		name,
		peer,
		...(prepare && { prepare }),
		run: async () => {
			const child = fork(__filename, [JSON.stringify(run)]);
			const [[result]] = (await Promise.all([once(child, 'message'), once(child, 'exit')])) as [
				[{ seconds: number; cpu: number; megabytes: number; bytes: number }],
				unknown,
			];
			return result;
		},
	};
}

function rclone(name: string, server: S3Server, from: string, to: string, prepare?: () => Promise<void>): Contender {
	const remote = (label: string, endpoint: string) => ({
		[`RCLONE_CONFIG_${label}_TYPE`]: 's3',
		[`RCLONE_CONFIG_${label}_PROVIDER`]: 'Minio',
		[`RCLONE_CONFIG_${label}_ENDPOINT`]: endpoint,
		[`RCLONE_CONFIG_${label}_REGION`]: server.region,
		[`RCLONE_CONFIG_${label}_ACCESS_KEY_ID`]: server.accessKeyId,
		[`RCLONE_CONFIG_${label}_SECRET_ACCESS_KEY`]: server.secretAccessKey,
	});
	// With a list of authorities of its own, rclone does not start.
	const { AWS_CA_BUNDLE: _, ...others } = process.env;
	const env = { ...others, ...remote('ONE', server.endpoint), ...remote('TWO', otherAddress(server)) };
	return {
		name,
		...(prepare && { prepare }),
		run: async () => {
			// Otherwise it has the server copy, for it compares no addresses.
			const streams = from.slice(0, 3) === to.slice(0, 3) ? [] : ['--disable', 'copy'];
			await promisify(execFile)('rclone', ['--config', '/dev/null', ...streams, 'sync', from, to], { env });
			return {};
		},
	};
}

/** The process that listens at the server's port. */
function processOf({ endpoint }: S3Server): number {
	const { port } = new URL(endpoint);
	const pid = readdirSync('/proc').find((name) => {
		try {
			const command = readFileSync(`/proc/${name}/cmdline`, 'utf8');
			return /^\d+$/.test(name) && command.includes('minio') && command.includes(`:${port}`);
		} catch {
			// It has ended, or is no process.
			return false;
		}
	});
	return Number(pid);
}

/** The same server, which nobody takes for the same. */
function otherAddress({ endpoint }: S3Server): string {
	return endpoint.replace('127.0.0.1', 'localhost');
}

async function fill(server: S3Server, bucket: string, count: number, size: number): Promise<void> {
	const content = randomBytes(size);
	await inParallel(Array(count).keys(), 16, async (index) => {
		await server.client.putObject(bucket, `folder${index % 100}/object${index}`, content);
	});
}

async function empty(server: S3Server, bucket: string): Promise<void> {
	const keys: string[] = [];
	for await (const item of server.client.listObjectsV2(bucket, '', true)) keys.push((item as { name: string }).name);
	await server.client.removeObjects(bucket, keys);
}

async function compare(server: S3Server, title: string, count: number, size: number, rounds: number): Promise<void> {
	const { region, accessKeyId, secretAccessKey } = server;
	const access = { region, accessKeyId, secretAccessKey };
	const bucket = await server.createBucket();
	const [ofOurs, ofRclone] = [await server.createBucket(), await server.createBucket()];
	await fill(server, bucket, count, size);
	const pid = processOf(server);
	const from = { endpoint: server.endpoint, bucket };
	const there = { access, from, to: { endpoint: otherAddress(server), bucket: ofOurs } };
	const here = { access, from, to: { endpoint: server.endpoint, bucket: ofOurs } };
	const peer = 'rclone sync';
	const emptied = (name: string) => async () => await empty(server, name);
	const pairs: [string, Contender[]][] = [
		[
			'new, to another server',
			[
				rclone(peer, server, `one:${bucket}`, `two:${ofRclone}`, emptied(ofRclone)),
				ours('mirror', peer, there, emptied(ofOurs)),
			],
		],
		['nothing changed', [rclone(peer, server, `one:${bucket}`, `two:${ofRclone}`), ours('mirror', peer, there)]],
		[
			'new, on the same server',
			[
				rclone(peer, server, `one:${bucket}`, `one:${ofRclone}`, emptied(ofRclone)),
				ours('mirror', peer, here, emptied(ofOurs)),
			],
		],
	];
	for (const [what, contenders] of pairs) print(`${title}: ${what}`, await compete(contenders, rounds, pid));
	for (const name of [bucket, ofOurs, ofRclone]) await empty(server, name);
}

async function main(small: number, large: number, rounds: number): Promise<void> {
	const server = await startMinio();
	try {
		if (small > 0) await compare(server, `${small} objects of 4 KiB`, small, SMALL_BYTES, rounds);
		if (large > 0) await compare(server, `${large} objects of 64 MiB`, large, LARGE_BYTES, rounds);
	} finally {
		await server.stop();
	}
}

const [first = '20000', large = '20', rounds = '1'] = process.argv.slice(2);
if (first.startsWith('{')) void runMirror(JSON.parse(first) as Run);
else void main(Number(first), Number(large), Number(rounds));
