/** What benches of buckets share: the server's content, and the tools beside us. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { inParallel } from '../../engine/parallel';
import { buildProgram, programOf } from '../services/go-programs';
import type { S3Server } from '../services/s3/server';
import type { Contender } from './measure';

const MC = { name: 'mc', package: 'github.com/minio/mc', version: 'v0.0.0-20250313080218-cf909e1063a9' };

/** The command of MinIO's client, built where it is not there; undefined where it cannot be had. */
export async function mcCommand(): Promise<string | undefined> {
	if (!programOf(MC)) {
		console.log('Setting up: mc, from its Go module (about 2 minutes)');
		await buildProgram(MC);
	}
	return programOf(MC);
}

/** The same server, which nobody takes for the same. */
export function otherAddress({ endpoint }: S3Server): string {
	return endpoint.replace('127.0.0.1', 'localhost');
}

/** What rclone and mc find the server by: `one`, and `two` at its other address. */
export function environmentOf(server: S3Server): NodeJS.ProcessEnv {
	const { endpoint, region, accessKeyId, secretAccessKey } = server;
	const remote = (name: string, address: string) => ({
		[`RCLONE_CONFIG_${name.toUpperCase()}_TYPE`]: 's3',
		[`RCLONE_CONFIG_${name.toUpperCase()}_PROVIDER`]: 'Minio',
		[`RCLONE_CONFIG_${name.toUpperCase()}_ENDPOINT`]: address,
		[`RCLONE_CONFIG_${name.toUpperCase()}_REGION`]: region,
		[`RCLONE_CONFIG_${name.toUpperCase()}_ACCESS_KEY_ID`]: accessKeyId,
		[`RCLONE_CONFIG_${name.toUpperCase()}_SECRET_ACCESS_KEY`]: secretAccessKey,
		[`MC_HOST_${name}`]: address.replace('://', `://${accessKeyId}:${secretAccessKey}@`),
	});
	// With a list of authorities of its own, rclone does not start.
	const { AWS_CA_BUNDLE: _, ...others } = process.env;
	const own = { RCLONE_CONFIG: '/dev/null', MC_CONFIG_DIR: path.join(tmpdir(), 'bench-mc') };
	return { ...others, ...own, ...remote('one', endpoint), ...remote('two', otherAddress(server)) };
}

/** A contender that is a line of bash. Its memory is that of the largest of its processes. */
export function tool(name: string, command: string, env: NodeJS.ProcessEnv, prepare?: () => Promise<void>): Contender {
	return {
		name,
		...(prepare && { prepare }),
		run: async () => {
			const child = spawn('bash', ['-euo', 'pipefail', '-c', command], { env, stdio: ['ignore', 'ignore', 'pipe'] });
			let said = '';
			child.stderr.on('data', (text: Buffer) => (said += text.toString()));
			let megabytes = 0;
			const look = setInterval(() => (megabytes = Math.max(megabytes, ...membersOf(child.pid).map(residentOf))), 50);
			const [status] = (await once(child, 'close')) as [number | null];
			clearInterval(look);
			if (status !== 0) throw new Error(`${command} ended with status ${status}: ${said}`);
			return { megabytes };
		},
	};
}

/** A process and what it has started. */
function membersOf(pid = 0): number[] {
	try {
		const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
		return [pid, ...children.flatMap((child) => membersOf(child))];
	} catch {
		return [];
	}
}

function residentOf(pid: number): number {
	try {
		return Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
	} catch {
		return 0;
	}
}

/** Resident memory of this process at its highest; not what resourceUsage tells, which begins with that of its parent. */
export function ownMegabytes(): number {
	return residentOf(process.pid);
}

/** The process that listens at the server's port. */
export function processOf({ endpoint }: S3Server): number {
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

/** Every object has other bytes. */
export async function fill(server: S3Server, bucket: string, count: number, size: number): Promise<void> {
	const content = randomBytes(size);
	await inParallel(Array(count).keys(), size > 1e6 ? 1 : 16, async (index) => {
		content.writeUInt32LE(index, 0);
		await server.client.putObject(bucket, `folder${index % 100}/object${index}`, Buffer.from(content));
	});
}

export async function empty(server: S3Server, bucket: string): Promise<void> {
	const keys: string[] = [];
	for await (const item of server.client.listObjectsV2(bucket, '', true)) keys.push((item as { name: string }).name);
	await server.client.removeObjects(bucket, keys);
}
