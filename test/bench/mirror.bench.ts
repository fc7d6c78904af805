/**
 * Mirrors beside `rclone sync` and `mc mirror`, on one MinIO: `npm run bench -- mirror [small objects] [large objects] [rounds]`, 2,000
 * and 4 by default, once; `20000 20` is the full size. Between two addresses of the server, so that the bytes are read and
 * written; the same where nothing changed; on the server, by copies of its own; into a folder and back. Only ours waits until what it
 * wrote into a folder is on the disk. Needs MinIO and Debian's rclone
 * (npm run test:system installs them), and Go for mc.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { S3Client } from '../../engine/minio/client';
import { BucketPlace, FolderPlace, mirror, type Place } from '../../engine/minio/mirror';
import { startMinio } from '../services/s3/minio';
import type { S3Server } from '../services/s3/server';
import { compete, print, type Contender } from './measure';
import { inOwnProcess } from './own-process';
import { empty, environmentOf, fill, mcCommand, otherAddress, ownMegabytes, processOf, tool } from './s3-tools';

const SMALL_BYTES = 4096;
const LARGE_BYTES = 256_000_000;

/** A bucket at an address, or a folder. */
type End = { endpoint: string; bucket: string } | { root: string };

interface Run {
	access: { region: string; accessKeyId: string; secretAccessKey: string };
	from: End;
	to: End;
}

/** In a process of its own, for its memory. */
async function runMirror({ access, from, to }: Run): Promise<void> {
	const place = (end: End, role: 'source' | 'target'): Place =>
		'root' in end
			? new FolderPlace({ root: end.root, role })
			: new BucketPlace({ client: new S3Client({ ...access, endpoint: end.endpoint }, role), bucket: end.bucket });
	const started = performance.now();
	const before = process.cpuUsage();
	const report = await mirror({ source: place(from, 'source'), target: place(to, 'target') });
	const { user, system } = process.cpuUsage(before);
	if (report.failed.count > 0) throw new Error(report.warnings.join(' '));
	process.send?.({
		seconds: (performance.now() - started) / 1000,
		cpu: (user + system) / 1e6,
		megabytes: ownMegabytes(),
		bytes: report.added.bytes,
	});
}

async function compare(server: S3Server, title: string, count: number, size: number, rounds: number): Promise<void> {
	const { region, accessKeyId, secretAccessKey, endpoint } = server;
	const access = { region, accessKeyId, secretAccessKey };
	const env = environmentOf(server);
	const mc = await mcCommand();
	const bucket = await server.createBucket();
	const targets = {
		rclone: await server.createBucket(),
		mc: await server.createBucket(),
		us: await server.createBucket(),
	};
	const work = mkdtempSync(path.join(tmpdir(), 'bench-mirror-'));
	await fill(server, bucket, count, size);
	const peers = mc ? ['rclone sync', 'mc mirror'] : ['rclone sync'];
	/** Our two ends, and those of the tools, whose target has `*` in the place of its own name. */
	const contenders = (run: { from: End; to: (name: string) => End }, from: string, to: string, fresh: boolean) => {
		const at = (name: keyof typeof targets) => to.replace('*', to.startsWith('/') ? name : targets[name]);
		const prepare = (name: keyof typeof targets) =>
			fresh
				? async () => {
						if (!to.startsWith('/')) await empty(server, targets[name]);
						else if (existsSync(at(name))) renameSync(at(name), `${at(name)}-${randomUUID()}`);
					}
				: undefined;
		const colon = (place: string) => (place.startsWith('/') ? place : place.replace('/', ':'));
		// Otherwise rclone has the server copy, for it compares no addresses.
		const streams = from.startsWith('one') && to.startsWith('two') ? '--disable copy' : '';
		const sync = `rclone ${streams} sync ${colon(from)} ${colon(at('rclone'))}`;
		return [
			tool('rclone sync', sync, env, prepare('rclone')),
			...(mc ? [tool('mc mirror', `${mc} --quiet mirror --overwrite ${from} ${at('mc')}`, env, prepare('mc'))] : []),
			inOwnProcess(__filename, peers, { access, from: run.from, to: run.to(at('us')) }, prepare('us')),
		];
	};
	const source = { endpoint, bucket };
	const elsewhere = () => ({ endpoint: otherAddress(server), bucket: targets.us });
	const here = () => ({ endpoint, bucket: targets.us });
	const folder = (root: string) => ({ root });
	// ext4 looks at each inode that was freed in the last minutes before it makes a file, so what is removed comes last.
	const cases: [string, Contender[]][] = [
		['to a folder', contenders({ from: source, to: folder }, `one/${bucket}`, `${work}/*`, true)],
		['from a folder', contenders({ from: { root: `${work}/rclone` }, to: here }, `${work}/rclone`, 'one/*', true)],
		['to another server', contenders({ from: source, to: elsewhere }, `one/${bucket}`, 'two/*', true)],
		['nothing changed', contenders({ from: source, to: elsewhere }, `one/${bucket}`, 'two/*', false)],
		['on the same server', contenders({ from: source, to: here }, `one/${bucket}`, 'one/*', true)],
	];
	for (const [what, of] of cases) print(`${title}: ${what}`, await compete(of, rounds, processOf(server)));
	for (const name of [bucket, ...Object.values(targets)]) await empty(server, name);
	rmSync(work, { recursive: true, force: true });
}

async function main(small: number, large: number, rounds: number): Promise<void> {
	const server = await startMinio({ onDisk: true });
	try {
		if (small > 0) await compare(server, `${small} objects of 4 KiB`, small, SMALL_BYTES, rounds);
		if (large > 0) await compare(server, `${large} objects of 256 MB`, large, LARGE_BYTES, rounds);
	} finally {
		await server.stop();
	}
}

const [first = '2000', large = '4', rounds = '1'] = process.argv.slice(2);
if (first.startsWith('{')) void runMirror(JSON.parse(first) as Run);
else void main(Number(first), Number(large), Number(rounds));
