/**
 * Physical backups beside PostgreSQL's own programs, on one server in one run, in turn: `npm run bench -- physical [GB] [rounds]
 * [scenes]`, the scenes being `base` and `gzip` (beside pg_basebackup), `wal` (beside pg_receivewal), `recover` (beside tar, pg_verifybackup and
 * pg_waldump) and `s3` (base backups into a bucket of MinIO, whose own work is part of `others`); by default all. Needs Debian's
 * PostgreSQL 15, zstd and rclone, and MinIO (npm run test:system installs them). Prints medians, asserts nothing.
 *
 * What is alike: pg_basebackup lets the server compare the checksums of pages while it sends them, ours compares them itself, to name the
 * damaged ones; both have all on the disk at the end. Ours compares each file with the manifest of PostgreSQL besides, and makes a SHA-256
 * of the archive and of each frame: the peers called `checked` are given a SHA-256 as well. Ours reads each record of WAL on its way,
 * which pg_receivewal does not.
 */
import { execFile } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { serverAccount } from '../services/postgres-binaries';
import { startPostgres, type PostgresServer } from '../services/postgres';
import { startMinio } from '../services/s3/minio';

import { compete, print, type Contender } from './measure';
import { createBenchDatabase } from './postgres-data';
import { environmentOf, tool } from './s3-tools';

const execute = promisify(execFile);
const OURS = 'n8n-nodes-stack-backup';

interface Bench {
	server: PostgresServer;
	work: string;
	rounds: number;
}

function sizeOf(place: string): number {
	if (!existsSync(place)) return 0;
	const stat = lstatSync(place);
	return stat.isDirectory()
		? readdirSync(place).reduce((sum, name) => sum + sizeOf(path.join(place, name)), 0)
		: stat.size;
}

interface Run {
	what: 'base' | 'wal' | 'recover';
	storage: string | object;
	codec?: string;
	slot?: string;
	folder?: string;
	/** Emptied before. */
	output?: string;
}

function ours(name: string, peer: string | string[], { server }: Bench, { what, output, ...run }: Run): Contender {
	const { host, port, user, password } = server;
	const connection = { host, port, user, password, database: 'postgres' };
	return {
		name: `${OURS}${name}`,
		peer,
		...(output !== undefined && { prepare: emptied(output) }),
		run: async () => {
			const args = [path.join(__dirname, 'physical-run.mjs'), what, JSON.stringify({ connection, ...run })];
			const { stdout } = await execute(process.execPath, args);
			return JSON.parse(stdout) as { seconds: number; cpu: number; megabytes: number; bytes: number };
		},
	};
}

const emptied = (folder: string) => async () => {
	rmSync(folder, { recursive: true, force: true });
	mkdirSync(folder, { recursive: true });
	return await Promise.resolve();
};

/** Others, by a line of bash. Their memory is that of the largest of their processes. */
function others(
	{ server }: Bench,
	name: string,
	command: string,
	output: string,
	more: { peer?: string; env?: NodeJS.ProcessEnv } = {},
): Contender {
	const contender = tool(name, command, { ...process.env, ...more.env, ...server.environment() }, emptied(output));
	return {
		...contender,
		...(more.peer !== undefined && { peer: more.peer }),
		run: async () => ({ ...(await contender.run()), bytes: sizeOf(output) }),
	};
}

/** The postmaster's process number: the first line of its lock file. */
const processOf = (server: PostgresServer): number =>
	Number(readFileSync(path.join(server.dataDir, 'postmaster.pid'), 'utf8').split('\n')[0]);

/** pg_basebackup as ours asks the server: at once, without WAL, in a tar. */
const baseBackup = ({ server }: Bench) => `${server.bin('pg_basebackup')} -Ft -X none -c fast`;

async function bases(bench: Bench): Promise<void> {
	const at = (name: string) => path.join(bench.work, name);
	const [plain, checked] = ['pg_basebackup -Ft', 'pg_basebackup -Ft | tee | sha256sum, sync'];
	const [client, onServer] = [
		'pg_basebackup -Ft --compress=client-zstd:3',
		'pg_basebackup -Ft --compress=server-zstd:3',
	];
	const checkedZstd = 'pg_basebackup -Ft | zstd -3 | tee | sha256sum, sync';
	const into = `-D ${at('peer')}`;
	const piped = (through: string) =>
		`-D - ${through} | tee ${at('peer/base.tar')} | sha256sum; sync ${at('peer/base.tar')}`;
	const contenders = [
		ofServer(bench, plain, into),
		ofServer(bench, checked, piped('')),
		ownBase(bench, 'none', [plain]),
		ofServer(bench, client, `--compress=client-zstd:3 ${into}`),
		ofServer(bench, onServer, `--compress=server-zstd:3 ${into}`),
		ofServer(bench, checkedZstd, piped('| zstd -3 -q')),
		ownBase(bench, 'zstd', [client, onServer]),
	];
	print('Base backup', await compete(contenders, bench.rounds, processOf(bench.server)));
}

/** The same with gzip, which takes several times as long. */
async function gzipBases(bench: Bench): Promise<void> {
	const peer = 'pg_basebackup -Ft -z';
	const contenders = [ofServer(bench, peer, `-z -D ${path.join(bench.work, 'peer')}`), ownBase(bench, 'gzip', [peer])];
	print('Base backup with gzip', await compete(contenders, bench.rounds, processOf(bench.server)));
}

/** pg_basebackup with these arguments more. */
function ofServer(bench: Bench, name: string, more: string): Contender {
	return others(bench, name, `${baseBackup(bench)} ${more}`, path.join(bench.work, 'peer'));
}

function ownBase(bench: Bench, codec: string, peer: string[]): Contender {
	const storage = path.join(bench.work, 'ours');
	return ours(`, ${codec}`, peer, bench, { what: 'base', storage, codec, output: storage });
}

/** Writes so much WAL, in whole segments. @returns where it ends */
async function writeWal({ server }: Bench, segments: number): Promise<string> {
	await server.query('postgres', 'CREATE TABLE IF NOT EXISTS log (id bigint, at timestamptz, payload text)');
	const { rows } = await server.query<{ lsn: string }>('postgres', 'SELECT pg_current_wal_lsn()::text AS lsn');
	const written = async () =>
		Number(
			(
				await server.query<{ n: string }>('postgres', 'SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), $1) AS n', [
					rows[0]!.lsn,
				])
			).rows[0]!.n,
		);
	while ((await written()) < segments * 16 * 1024 ** 2) {
		await server.query(
			'postgres',
			"INSERT INTO log SELECT g, now() + g * interval '1 ms', md5(g::text) || repeat(md5((g % 100)::text), 3) FROM generate_series(1, 20000) g",
		);
	}
	const end = await server.query<{ lsn: string }>('postgres', 'SELECT pg_switch_wal()::text AS lsn');
	await server.query('postgres', 'CHECKPOINT');
	return end.rows[0]!.lsn;
}

/** Each run has a slot of its own, made before the WAL is, for a run moves its slot on. */
async function logs(bench: Bench, megabytes: number): Promise<void> {
	const at = (name: string) => path.join(bench.work, name);
	const { server, rounds } = bench;
	const slots: string[] = [];
	for (let index = 0; index < 5 * rounds; index++) {
		slots.push(`bench_${index}`);
		await server.query('postgres', 'SELECT pg_create_physical_replication_slot($1, true)', [slots.at(-1)]);
	}
	const end = await writeWal(bench, Math.max(4, Math.round(megabytes / 16)));
	const withSlot = (contender: (slot: string) => Contender): Contender => {
		const { name, peer, prepare } = contender('');
		return {
			name,
			...(peer !== undefined && { peer }),
			...(prepare && { prepare }),
			run: async () => {
				const slot = slots.pop()!;
				const result = await contender(slot).run();
				await server.query('postgres', 'SELECT pg_drop_replication_slot($1)', [slot]);
				return result;
			},
		};
	};
	const receive = (slot: string) =>
		`${server.bin('pg_receivewal')} -S ${slot} --endpos=${end} --no-loop -D ${at('peer')}`;
	const [plain, gzip, zstd] = [
		'pg_receivewal',
		'pg_receivewal --compress=gzip',
		'pg_receivewal, then zstd -3 and sha256sum',
	];
	const own = (codec: string, peer: string) =>
		withSlot((slot) =>
			ours(`, ${codec}`, peer, bench, { what: 'wal', storage: at('ours'), codec, slot, output: at('ours') }),
		);
	const after = `find ${at('peer')} -type f | xargs zstd -3 -q --rm; find ${at('peer')} -type f | xargs sha256sum >${at('sums')}; sync -f ${at('peer')}`;
	const contenders = [
		withSlot((slot) => others(bench, plain, receive(slot), at('peer'))),
		own('none', plain),
		withSlot((slot) => others(bench, gzip, `${receive(slot)} --compress=gzip`, at('peer'))),
		withSlot((slot) => others(bench, zstd, `${receive(slot)}; ${after}`, at('peer'))),
		own('zstd', zstd),
	];
	print('WAL', await compete(contenders, rounds, processOf(server)));
	for (const slot of slots) await server.query('postgres', 'SELECT pg_drop_replication_slot($1)', [slot]);
}

async function recoveries(bench: Bench, megabytes: number): Promise<void> {
	const at = (name: string) => path.join(bench.work, name);
	const { server, rounds } = bench;
	for (const slot of ['recover_ours', 'recover_peer'])
		await server.query('postgres', 'SELECT pg_create_physical_replication_slot($1, true)', [slot]);
	const storage = at('recover-storage');
	await ours('', '', bench, { what: 'base', storage, output: storage }).run();
	const taken = `${baseBackup(bench)} --compress=client-zstd:3 -D ${at('recover-peer')}`;
	await others(bench, '', taken, at('recover-peer')).run();
	const end = await writeWal(bench, Math.max(4, Math.round(megabytes / 32)));
	await ours('', '', bench, { what: 'wal', storage, slot: 'recover_ours' }).run();
	mkdirSync(at('recover-wal'));
	const receive = `${server.bin('pg_receivewal')} -S recover_peer --endpos=${end} --no-loop -D ${at('recover-wal')}`;
	await others(bench, '', receive, at('nothing')).run();
	const segments = readdirSync(at('recover-wal'))
		.filter((name) => /^[0-9A-F]{24}$/.test(name))
		.sort();
	const unpack = `zstd -dc ${at('recover-peer/base.tar.zst')} | tar -x -C ${at('peer')}; cp -r ${at('recover-wal')} ${at('peer/wal')}`;
	const verify = [
		`cp ${at('recover-peer/backup_manifest')} ${at('peer')}`,
		`sync -f ${at('peer')}`,
		`${server.bin('pg_verifybackup')} -q -n --ignore=wal ${at('peer')}`,
		`${server.bin('pg_waldump')} -q -p ${at('peer/wal')} ${segments[0]} ${segments.at(-1)} || true`,
	];
	const [plain, checked] = ['zstd -d | tar -x, cp of the WAL', 'the same, sync, pg_verifybackup, pg_waldump -q'];
	const contenders = [
		others(bench, plain, unpack, at('peer')),
		others(bench, checked, [unpack, ...verify].join('; '), at('peer'), { peer: plain }),
		ours('', checked, bench, { what: 'recover', storage, folder: at('recovered'), output: at('recovered') }),
	];
	print('Recovery', await compete(contenders, rounds));
	for (const slot of ['recover_ours', 'recover_peer'])
		await server.query('postgres', 'SELECT pg_drop_replication_slot($1)', [slot]);
}

async function throughBucket(bench: Bench): Promise<void> {
	const s3 = await startMinio({ onDisk: true });
	try {
		const bucket = await s3.createBucket();
		const { endpoint, region, accessKeyId, secretAccessKey } = s3;
		const store = `${baseBackup(bench)} -D - | zstd -3 -q | rclone --config /dev/null rcat one:${bucket}/base.tar.zst`;
		const env = { ...environmentOf(s3), AWS_CA_BUNDLE: undefined };
		const name = 'pg_basebackup | zstd -3 | rclone rcat';
		const storage = { endpoint, region, accessKeyId, secretAccessKey, bucket };
		const contenders = [
			others(bench, name, store, path.join(bench.work, 'nothing'), { env }),
			ours(', zstd', name, bench, { what: 'base', storage }),
		];
		print('Base backup to S3', await compete(contenders, bench.rounds, processOf(bench.server)));
	} finally {
		await s3.stop();
	}
}

async function main([gigabytes = '0.3', rounds = '5', ...scenes]: string[]): Promise<void> {
	const server = await startPostgres({
		version: 15,
		onDisk: true,
		config: { shared_buffers: '512MB', max_wal_size: '4GB', max_replication_slots: '100', max_wal_senders: '20' },
	});
	const work = mkdtempSync(path.join(tmpdir(), 'bench-physical-'));
	try {
		await server.kill('SIGINT');
		const enable = ['--enable', '--no-sync', '-D', server.dataDir];
		await execute(server.bin('pg_checksums'), enable, { ...serverAccount(), cwd: '/' });
		await server.start();
		await createBenchDatabase(server, Number(gigabytes));
		await server.query('postgres', 'CHECKPOINT');
		const size = sizeOf(path.join(server.dataDir, 'base'));
		console.log(`Cluster of ${Math.round(size / 1e6)} MB, PostgreSQL 15 with page checksums, median of ${rounds}.`);
		const bench = { server, work, rounds: Number(rounds) };
		const isWanted = (scene: string) => scenes.length === 0 || scenes.includes(scene);
		if (isWanted('base')) await bases(bench);
		if (isWanted('gzip')) await gzipBases(bench);
		if (isWanted('wal')) await logs(bench, Number(gigabytes) * 1000);
		if (isWanted('recover')) await recoveries(bench, Number(gigabytes) * 1000);
		if (isWanted('s3')) await throughBucket(bench);
	} finally {
		await server.stop();
		rmSync(work, { recursive: true, force: true });
	}
}

void main(process.argv.slice(2));
