/**
 * Backup Copy beside `rclone copy`: `npm run bench -- copy [megabytes] [rounds]`, 300 MB in thirty archives and three rounds unless
 * told. From folder to folder, from a folder into a bucket, between two buckets of a server by its own copies, and through this
 * machine, by two addresses of the server; and encrypted on the way, beside gpg. Ours hashes all that it copies, compares, and is on the
 * disk when it ends: so there is a row of rclone with that as well. At last a run in which nothing is new, of 20,000 backups.
 * Needs MinIO, Debian's rclone (npm run test:system installs them) and gpg. The memory is that of a process for each run.
 */
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { randomBytes } from 'node:crypto';

import { createArchive, formatManifest, manifestKeyOf } from '../../engine/archive';
import { copyBackups } from '../../engine/copy';
import { FolderStorage, S3Storage, type Storage } from '../../engine/storage';
import { startMinio } from '../services/s3/minio';
import type { S3Server } from '../services/s3/server';
import { compete, print, type Contender } from './measure';
import { smallBackup } from './small-backups';
import { inOwnProcess } from './own-process';
import { empty, environmentOf, otherAddress, ownMegabytes, processOf, tool } from './s3-tools';

const ARCHIVES = 30;
const HOUR_MS = 3_600_000;
const MANY = 20_000;
/** rclone compares sizes and times. */
const SAME_TIME = new Date('2026-01-01T02:00:00Z');
const PASSPHRASE = 'for this bench alone';

/** A folder, or a bucket at an address. */
type End = { root: string } | { endpoint: string; bucket: string };

interface Run {
	access: { region: string; accessKeyId: string; secretAccessKey: string };
	from: End;
	to: End;
	encrypts: boolean;
}

/** In a process of its own, for its memory. */
async function runCopy({ access, from, to, encrypts }: Run): Promise<void> {
	const open = (end: End): Storage => ('root' in end ? new FolderStorage(end) : new S3Storage({ ...access, ...end }));
	const started = performance.now();
	const before = process.cpuUsage();
	const { rows, copiedBytes } = await copyBackups({
		source: open(from),
		target: open(to),
		owner: 'bench',
		...(encrypts && { encryption: { passphrase: PASSPHRASE } }),
	});
	const { user, system } = process.cpuUsage(before);
	const bad = rows.find(({ outcome, why }) => outcome !== 'copied' && why !== 'there');
	if (bad) throw new Error(`${bad.backup.key}: ${bad.outcome}`);
	process.send?.({
		seconds: (performance.now() - started) / 1000,
		cpu: (user + system) / 1e6,
		megabytes: ownMegabytes(),
		bytes: copiedBytes,
	});
}

async function fill(root: string, megabytes: number): Promise<void> {
	const storage = new FolderStorage({ root });
	const bytes = randomBytes(Math.ceil((megabytes * 1e6) / ARCHIVES));
	for (let index = 0; index < ARCHIVES; index++) {
		bytes.writeUInt32LE(index, 0);
		const startedAt = new Date(Date.now() - index * HOUR_MS);
		const archive = { folder: 'postgres', name: 'shop', extension: 'sql', kind: 'postgres', startedAt } as const;
		const writer = await createArchive({ storage, ...archive, codec: { name: 'none' } });
		await writer.frame({ type: 'data' }, bytes);
		await writer.commit({ source: { system: 'bench', version: '1' }, counts: {} });
	}
}

function accessTo({ region, accessKeyId, secretAccessKey }: S3Server): Run['access'] {
	return { region, accessKeyId, secretAccessKey };
}

/** Small backups of fifty databases, the same in every folder: written as they stand, for making each would take minutes. */
function fillWithMany(root: string): void {
	mkdirSync(path.join(root, 'postgres'), { recursive: true });
	for (let index = 0; index < MANY; index++) {
		const { manifest, content } = smallBackup(index);
		const file = path.join(root, 'postgres', manifest.file);
		for (const [name, text] of [
			[file, content],
			[manifestKeyOf(file), formatManifest(manifest)],
		] as const) {
			writeFileSync(name, text);
			utimesSync(name, SAME_TIME, SAME_TIME);
		}
	}
}

/** Ours and the tools, each into a target of its own that is empty before. */
function pair(
	server: S3Server,
	run: Omit<Run, 'access' | 'to'> & { to: (name: string) => End },
	others: { name: string; command: (target: string) => string }[],
	targets: Record<'us' | 'other', string>,
): Contender[] {
	const fresh = (target: string) => async () => {
		if (!target.startsWith('/')) return await empty(server, target);
		rmSync(target, { recursive: true, force: true });
		mkdirSync(target);
	};
	const ours = { ...run, to: run.to(targets.us), access: accessTo(server) };
	const peer = others[0]?.name ?? '';
	return [
		...others.map(({ name, command }) => ({
			...tool(name, command(targets.other), environmentOf(server), fresh(targets.other)),
			...(name !== peer && { peer }),
		})),
		inOwnProcess(__filename, [peer], ours, fresh(targets.us)),
	];
}

async function main(megabytes: number, rounds: number): Promise<void> {
	const server = await startMinio({ onDisk: true });
	const work = mkdtempSync(path.join(tmpdir(), 'bench-copy-'));
	try {
		const root = path.join(work, 'source');
		mkdirSync(root);
		await fill(root, megabytes);
		const source = await server.createBucket();
		const { endpoint, region, accessKeyId, secretAccessKey } = server;
		const bucket = new S3Storage({ endpoint, region, accessKeyId, secretAccessKey, bucket: source });
		await copyBackups({ source: new FolderStorage({ root }), target: bucket, owner: 'bench' });
		bucket.close();
		const folders = { us: path.join(work, 'us'), other: path.join(work, 'other') };
		const buckets = { us: await server.createBucket(), other: await server.createBucket() };
		const into = (address: string) => (name: string) => ({ endpoint: address, bucket: name });
		const rclone = (command: (target: string) => string, hashes: (target: string) => string) => [
			{ name: 'rclone copy', command },
			{
				name: 'rclone copy, sync and hashsum',
				command: (target: string) => `${command(target)} && ${hashes(target)} > ${path.join(work, 'hashes')}`,
			},
		];
		const hashOfFolder = (target: string) => `sync && rclone hashsum sha256 ${target}`;
		const hashOfBucket = (target: string) => `rclone hashsum sha256 --download one:${target}`;
		const inFolder = { from: { root }, encrypts: false };
		const inBucket = { from: { endpoint, bucket: source }, encrypts: false };
		const pid = processOf(server);
		const show = async (title: string, contenders: Contender[]) =>
			print(`${title}, ${megabytes} MB in ${ARCHIVES} archives`, await compete(contenders, rounds, pid));
		const toFolder = (name: string) => ({ root: name });
		await show(
			'Folder to folder',
			pair(
				server,
				{ ...inFolder, to: toFolder },
				rclone((target) => `rclone copy ${root} ${target}`, hashOfFolder),
				folders,
			),
		);
		await show(
			'Folder to bucket',
			pair(
				server,
				{ ...inFolder, to: into(endpoint) },
				rclone((target) => `rclone copy ${root} one:${target}`, hashOfBucket),
				buckets,
			),
		);
		await show(
			'Bucket to bucket, by the server',
			pair(
				server,
				{ ...inBucket, to: into(endpoint) },
				rclone((target) => `rclone copy one:${source} one:${target}`, hashOfBucket),
				buckets,
			),
		);
		await show(
			'Bucket to bucket, through this machine',
			pair(
				server,
				{ ...inBucket, to: into(otherAddress(server)) },
				rclone((target) => `rclone --disable copy copy one:${source} two:${target}`, hashOfBucket),
				buckets,
			),
		);
		const gpg = `gpg --batch --yes --pinentry-mode loopback --passphrase '${PASSPHRASE}' --symmetric --cipher-algo AES256 --compress-algo none`;
		const sealing = (target: string) =>
			`export GNUPGHOME=${work}/gnupg; mkdir -p -m 700 $GNUPGHOME; for file in ${root}/postgres/*.sql; do ${gpg} --output ${target}/$(basename $file).gpg $file; done`;
		await show(
			'Folder to folder, encrypted on the way',
			pair(server, { from: { root }, encrypts: true, to: toFolder }, [{ name: 'gpg', command: sealing }], folders),
		);
		const many = { from: path.join(work, 'many'), to: path.join(work, 'copies') };
		for (const folder of Object.values(many)) fillWithMany(folder);
		const nothingNew = { access: accessTo(server), from: { root: many.from }, to: { root: many.to }, encrypts: false };
		const command = `rclone copy ${many.from} ${many.to}`;
		print(
			`Folder to folder, ${MANY} backups, nothing new`,
			await compete(
				[tool('rclone copy', command, environmentOf(server)), inOwnProcess(__filename, ['rclone copy'], nothingNew)],
				rounds,
			),
		);
	} finally {
		await server.stop();
		rmSync(work, { recursive: true, force: true });
	}
}

const [first = '300', second = '3'] = process.argv.slice(2);
if (process.send) void runCopy(JSON.parse(first) as Run);
else void main(Number(first), Number(second));
