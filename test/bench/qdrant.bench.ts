/**
 * The download of a snapshot beside curl, from one server in one run: `npm run bench -- qdrant [points] [rounds] [programs]`, such as
 * `'zstd -3'`. Prints
 * medians; asserts nothing. Each way of storing has its peers: curl alone, or through zstd, gzip or gpg at the level that ours
 * uses. The first checks nothing. The second, "checked", hashes what comes, to be compared with the checksum of the server's, and what it
 * stores, to be compared later, as ours does; ours hashes each frame as well, so that one can be read alone. Ours ends when the disk has
 * the backup, so every peer waits for the disk too. All take turns, so that what else the machine does meets all of them; the load
 * averages before and after tell how much that was.
 */
import { execFile } from 'node:child_process';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import { startQdrant, type QdrantServer } from '../services/qdrant';
import { ask, at, fill } from '../services/qdrant-data';

interface Measure {
	seconds: number;
	/** CPU seconds, user and system, of our process, or of the peer's processes together. */
	cpu: number;
	/** CPU seconds of the server meanwhile. */
	serverCpu: number;
	/** Resident memory at its highest, of our process alone. */
	megabytes?: number;
	bytes: number;
}

interface Contender {
	name: string;
	/** The contenders that it is compared with: one that checks nothing, and one that checks what ours does. */
	peers?: { plain: string; checked: string };
	run: () => Promise<Measure>;
}

const DIMENSIONS = 384;
const PASSPHRASE = 'a passphrase';
/** Without gpg's own compression, since what it gets is compressed already. */
const GPG = `gpg --batch --quiet --pinentry-mode loopback --passphrase '${PASSPHRASE}' --no-symkey-cache --compress-algo none --symmetric`;

/** Quick to send as JSON; the server normalizes the vectors, so what it stores has all its digits. */
const shortNumbers = (random: () => number) =>
	Array.from({ length: DIMENSIONS }, () => Math.round(random() * 2000 - 1000) / 1000);

function sizeBelow(folder: string): number {
	return readdirSync(folder).reduce((sum, name) => {
		const path = join(folder, name);
		const stat = lstatSync(path);
		return sum + (stat.isDirectory() ? sizeBelow(path) : stat.size);
	}, 0);
}

/** CPU seconds that a process has used so far: fields 14 and 15 of its stat, in ticks of 10 ms (proc(5)). */
function cpuOf(pid: number): number {
	const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
		.replace(/^.*\) /, '')
		.split(' ');
	return (Number(fields[11]) + Number(fields[12])) / 100;
}

function ours(server: QdrantServer, folder: string, programs: string[], codec: string, passphrase = ''): Contender {
	return {
		name: `n8n-nodes-stack-backup, ${codec}${passphrase && ', encrypted'}`,
		peers: { plain: nameOf(programs), checked: nameOf(programs, true) },
		run: async () => {
			const root = mkdtempSync(join(folder, 'ours-'));
			const args = [
				join(__dirname, 'qdrant-run.mjs'),
				server.url,
				'bench',
				root,
				codec,
				String(server.pid),
				passphrase,
			];
			const { stdout } = await promisify(execFile)(process.execPath, args);
			const measure = JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as Omit<Measure, 'bytes'>;
			const bytes = sizeBelow(root);
			rmSync(root, { recursive: true });
			return { ...measure, bytes };
		},
	};
}

const nameOf = (programs: string[], isChecked = false): string =>
	`${['curl', ...programs].join(' | ')}${isChecked ? ', checked' : ''}`;

/**
 * The shell's commands that download `url` to `file`. Where it is checked, they are hashed as they come, and as they are stored,
 * by openssl, which uses the processor's own instructions as Node does; sha256sum need not.
 */
function download(url: string, file: string, programs: string[], isChecked: boolean): string {
	const curl = `curl -sSf '${url}'`;
	if (!isChecked) return `${[curl, ...programs].join(' | ')} > ${file}`;
	const [came, stored] = [`${file}.came`, `${file}.stored`];
	// What is stored as it came is hashed once, by ours as well.
	const fifos = programs.length > 0 ? [came, stored] : [came];
	const hashing = fifos.map((fifo) => `openssl sha256 < ${fifo} > ${fifo}.sum & pids="$pids $!"`).join('; ');
	const pipe = [curl, `tee ${came}`, ...programs, ...(programs.length > 0 ? [`tee ${stored}`] : [])].join(' | ');
	return `mkfifo ${fifos.join(' ')} && { ${hashing}; ${pipe} > ${file} && wait $pids && rm ${fifos.join(' ')}; }`;
}

/** Downloads with curl and stores what these programs make of it, until the disk has it. */
function curl(server: QdrantServer, folder: string, programs: string[], isChecked = false): Contender {
	return {
		name: nameOf(programs, isChecked),
		run: async () => {
			const made = await ask<{ name: string }>(server, 'POST', at('bench', '/snapshots'));
			const path = at('bench', `/snapshots/${encodeURIComponent(made.name)}`);
			const file = join(folder, 'curl.out');
			const serverBefore = cpuOf(server.pid);
			const startedAt = performance.now();
			const command = download(`${server.url}${path}`, file, programs, isChecked);
			// The shell's own clock counts all processes of the command that it has waited for.
			const timed = `TIMEFORMAT='%U %S'; time { ${command} && sync ${file}; }`;
			const { stderr } = await promisify(execFile)('bash', ['-o', 'pipefail', '-c', timed]);
			const seconds = (performance.now() - startedAt) / 1000;
			const [user = 0, system = 0] = stderr.trim().split(' ').map(Number);
			const serverCpu = cpuOf(server.pid) - serverBefore;
			const bytes = lstatSync(file).size;
			rmSync(file);
			await ask(server, 'DELETE', path);
			return { seconds, cpu: user + system, serverCpu, bytes };
		},
	};
}

/** Runs all contenders in turn, several times over, and gives the medians of each figure. */
async function compete(
	contenders: Contender[],
	rounds: number,
): Promise<Array<Measure & Pick<Contender, 'name' | 'peers'>>> {
	const results = new Map<string, Measure[]>();
	for (let round = 0; round < rounds; round++) {
		for (const { name, run } of contenders) results.set(name, [...(results.get(name) ?? []), await run()]);
	}
	return contenders.map(({ name, peers }) => {
		const measures = results.get(name) ?? [];
		const median = (of: (measure: Measure) => number) =>
			measures.map(of).sort((a, b) => a - b)[Math.floor(measures.length / 2)] ?? 0;
		return {
			name,
			...(peers && { peers }),
			seconds: median(({ seconds }) => seconds),
			cpu: median(({ cpu }) => cpu),
			serverCpu: median(({ serverCpu }) => serverCpu),
			bytes: median(({ bytes }) => bytes),
			...(measures[0]?.megabytes !== undefined && { megabytes: median(({ megabytes = 0 }) => megabytes) }),
		};
	});
}

const load = () =>
	loadavg()
		.map((average) => average.toFixed(2))
		.join(' ');

async function main([points = '200000', rounds = '5', wanted]: string[]): Promise<void> {
	const server = await startQdrant({ onDisk: true });
	const folder = mkdtempSync(join(tmpdir(), 'bench-'));
	try {
		// Without an index for searches, which takes minutes to build and changes nothing here.
		await ask(server, 'PUT', at('bench'), {
			vectors: { size: DIMENSIONS, distance: 'Cosine' },
			optimizers_config: { indexing_threshold: 0 },
		});
		await fill(server, 'bench', { vector: shortNumbers }, { count: Number(points), batch: 2000 });
		while ((await ask<{ status: string }>(server, 'GET', at('bench'))).status !== 'green') await sleep(500);
		const loadBefore = load();
		const ways: [programs: string[], codec: string, passphrase?: string][] = [
			[[], 'none'],
			[['zstd -3'], 'zstd'],
			[['zstd -3', GPG], 'zstd', PASSPHRASE],
			[['gzip -6'], 'gzip'],
		];
		const results = await compete(
			ways
				.filter(([programs]) => wanted === undefined || programs.join(' | ') === wanted)
				.flatMap(([programs, codec, passphrase]) => [
					curl(server, folder, programs),
					curl(server, folder, programs, true),
					ours(server, folder, programs, codec, passphrase),
				]),
			Number(rounds),
		);
		console.log(
			`Download of a snapshot of ${points} points of ${DIMENSIONS} dimensions, medians of ${rounds} in turn, on ` +
				`${cpus().length} cores. Load before: ${loadBefore}, after: ${load()}.`,
		);
		console.table(
			results.map(({ name, peers, seconds, cpu, serverCpu, bytes, megabytes }) => {
				const [plain, checked] = [peers?.plain, peers?.checked].map((peer) => results.find((one) => one.name === peer));
				const ratio = (mine: number, theirs: number | undefined) => (theirs ? (mine / theirs).toFixed(2) : '');
				return {
					name,
					seconds: Number(seconds.toFixed(2)),
					'to peer': ratio(seconds, plain?.seconds),
					'to checked': ratio(seconds, checked?.seconds),
					'CPU s': Number(cpu.toFixed(2)),
					'CPU to peer': ratio(cpu, plain?.cpu),
					'CPU to checked': ratio(cpu, checked?.cpu),
					'server CPU s': Number(serverCpu.toFixed(2)),
					'size MB': Math.round(bytes / 1e6),
					'resident MB': megabytes === undefined ? '' : Math.round(megabytes),
				};
			}),
		);
	} finally {
		await server.stop();
		rmSync(folder, { recursive: true, force: true });
	}
}

void main(process.argv.slice(2));
