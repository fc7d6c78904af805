/**
 * Archives of a bucket beside what native tools take for one: `rclone copy` or `mc mirror` into a folder, and `tar` through `zstd` from
 * there. `npm run bench -- buckets [small objects] [large objects] [rounds]`, 2,000 and 4 by default, once; `20000 20` is the full
 * size. A whole backup; one of a bucket in which nothing changed; a restore into an empty bucket. Needs MinIO, Debian's rclone and
 * zstd (npm run test:system installs them), and Go for mc.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { backUpBuckets, findBackup, openArchive, restoreBucket } from '../../engine';
import { FolderStorage } from '../../engine/storage/folder';
import { startMinio } from '../services/s3/minio';
import type { S3Server } from '../services/s3/server';
import { compete, print, type Contender } from './measure';
import { inOwnProcess } from './own-process';
import { empty, environmentOf, fill, mcCommand, ownMegabytes, processOf, tool } from './s3-tools';

const SMALL_BYTES = 4096;
const LARGE_BYTES = 256_000_000;

interface Run {
	what: 'backup' | 'incremental' | 'restore';
	connection: { endpoint: string; region: string; accessKeyId: string; secretAccessKey: string };
	bucket: string;
	/** That is restored into. */
	target: string;
	storage: string;
}

/** In a process of its own, for its memory. */
async function runOurs({ what, connection, bucket, target, storage: root }: Run): Promise<void> {
	const storage = new FolderStorage({ root });
	const started = performance.now();
	const before = process.cpuUsage();
	let bytes = 0;
	if (what === 'restore') {
		const reader = await openArchive(storage, (await findBackup(storage, { latest: bucket })).manifestKey);
		const options = { reader, storage, keys: undefined, connection, bucket: target, existing: 'fail' as const };
		({ bytes } = await restoreBucket(options));
	} else {
		const { backups, failures } = await backUpBuckets({
			connection,
			storage,
			buckets: [bucket],
			codec: { name: 'zstd' },
			...(what === 'incremental' && { incremental: { wholeEvery: 0, leastUse: 0 } }),
		});
		if (failures[0]) throw failures[0].error;
		bytes = backups[0]?.size.stored ?? 0;
	}
	const { user, system } = process.cpuUsage(before);
	process.send?.({
		seconds: (performance.now() - started) / 1000,
		cpu: (user + system) / 1e6,
		megabytes: ownMegabytes(),
		bytes,
	});
}

async function compare(server: S3Server, title: string, count: number, size: number, rounds: number): Promise<void> {
	const { region, accessKeyId, secretAccessKey, endpoint } = server;
	const env = environmentOf(server);
	const mc = await mcCommand();
	const [bucket, target] = [await server.createBucket(), await server.createBucket()];
	await fill(server, bucket, count, size);
	const work = mkdtempSync(path.join(tmpdir(), 'bench-buckets-'));
	const at = (name: string) => path.join(work, name);
	const run = (what: Run['what']): Run => {
		return { what, connection: { endpoint, region, accessKeyId, secretAccessKey }, bucket, target, storage: at('us') };
	};
	const emptied = (name: string) => async () => {
		rmSync(at(name), { recursive: true, force: true });
		mkdirSync(at(name));
		await Promise.resolve();
	};
	const emptyTarget = async () => await empty(server, target);
	const [withRclone, withMc] = ['rclone copy, tar | zstd', 'mc mirror, tar | zstd'];
	const peers = mc ? [withRclone, withMc] : [withRclone];
	const archive = (name: string) => `tar -C ${at(name)} -c . | zstd -3 -q -f -o ${at(`${name}.tar.zst`)}`;
	const unpack = (name: string) => `zstd -dc ${at(`${name}.tar.zst`)} | tar -C ${at(name)} -x`;
	const rclone = `rclone copy one:${bucket} ${at('rclone')}`;
	const mirror = `${mc} --quiet mirror --overwrite one/${bucket} ${at('mc')}`;
	const both = (ofRclone: string, ofMc: string, prepare?: (name: string) => () => Promise<void>) => [
		tool(withRclone, ofRclone, env, prepare?.('rclone')),
		...(mc ? [tool(withMc, ofMc, env, prepare?.('mc'))] : []),
	];
	const restored = (name: string) => async () => {
		await emptied(name)();
		await emptyTarget();
	};
	const cases: [string, Contender[]][] = [
		[
			'whole backup',
			[
				...both(`${rclone}; ${archive('rclone')}`, `${mirror}; ${archive('mc')}`, emptied),
				inOwnProcess(__filename, peers, run('backup'), emptied('us')),
			],
		],
		// The tools need a folder for that, which holds all of the content once more.
		['nothing changed', [...both(rclone, mirror), inOwnProcess(__filename, peers, run('incremental'))]],
		[
			'restore',
			[
				...both(
					`${unpack('rclone')}; rclone copy ${at('rclone')} one:${target}`,
					`${unpack('mc')}; ${mc} --quiet mirror ${at('mc')} one/${target}`,
					restored,
				),
				inOwnProcess(__filename, peers, run('restore'), emptyTarget),
			],
		],
	];
	for (const [what, contenders] of cases)
		print(`${title}: ${what}`, await compete(contenders, rounds, processOf(server)));
	for (const name of [bucket, target]) await empty(server, name);
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
if (first.startsWith('{')) void runOurs(JSON.parse(first) as Run);
else void main(Number(first), Number(large), Number(rounds));
