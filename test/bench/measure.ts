/**
 * How a bench measures what runs beside each other: wall time, and the CPU seconds of all who work for it. Processes that
 * were started are counted when they have ended, with their own children (proc_pid_stat(5): utime, stime, cutime, cstime);
 * of a server's, those that have ended and those that still run.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';

export interface Measure {
	seconds: number;
	/** Of the process that backs up or restores, and of its children. */
	clientCpu: number;
	/** Of the server, its backends included. */
	serverCpu: number;
	/** Cores that were busy with something else meanwhile. */
	otherCores: number;
	/** Resident memory at its highest, of the process that backs up or restores. */
	megabytes?: number;
	bytes?: number;
}

export interface Contender {
	name: string;
	/** Names of its peers: the ratios of pairs are told of that one of each round that took the least. */
	peer?: string | readonly string[];
	/** Makes ready what it needs; not measured. */
	prepare?: () => Promise<void>;
	/** May tell its seconds and CPU seconds itself, where a start of its process is no part of them. */
	run: () => Promise<{ seconds?: number; cpu?: number; megabytes?: number; bytes?: number }>;
}

/** Of proc_pid_stat(5): one tick is a hundredth of a second on every Linux. */
const TICKS = 100;

/** The numbers of a process after its name, which may hold anything: the first is its parent. */
function statOf(pid: number | string): number[] {
	const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
	return text
		.slice(text.lastIndexOf(')') + 4)
		.split(' ')
		.map(Number);
}

const own = (stat: number[]): number => ((stat[10] ?? 0) + (stat[11] ?? 0)) / TICKS;
const waitedFor = (stat: number[]): number => ((stat[12] ?? 0) + (stat[13] ?? 0)) / TICKS;

function childrenOf(parent: number): number[][] {
	const stats = readdirSync('/proc').flatMap((pid) => {
		try {
			return /^\d+$/.test(pid) ? [statOf(pid)] : [];
		} catch {
			// It has ended since.
			return [];
		}
	});
	return stats.filter((stat) => stat[0] === parent);
}

/** CPU seconds of a process so far, of its children that run, and of those it has waited for. */
export const cpuOfTree = (pid: number): number =>
	childrenOf(pid).reduce((sum, stat) => sum + own(stat), own(statOf(pid)) + waitedFor(statOf(pid)));

/** Seconds in which the machine's cores were busy. */
export function busySeconds(): number {
	return cpus().reduce((sum, { times }) => sum + (times.user + times.nice + times.sys + times.irq) / 1000, 0);
}

/** Backends end a moment after their clients; only then have they been waited for. */
async function settled(server: number, processes: number): Promise<void> {
	for (let tries = 0; tries < 100 && childrenOf(server).length > processes; tries++) {
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}

async function measure({ prepare, run }: Contender, server: number | undefined): Promise<Measure> {
	await prepare?.();
	// What those before have written goes to the disk now: otherwise whoever comes last pays for it.
	execFileSync('sync');
	const processes = server === undefined ? 0 : childrenOf(server).length;
	const ofServer = () => (server === undefined ? 0 : cpuOfTree(server));
	const before = { server: ofServer(), own: statOf('self'), busy: busySeconds(), at: performance.now() };
	const { seconds, cpu, ...rest } = await run();
	const elapsed = (performance.now() - before.at) / 1000;
	if (server !== undefined) await settled(server, processes);
	const now = statOf('self');
	const started = waitedFor(now) - waitedFor(before.own);
	const serverCpu = ofServer() - before.server;
	const others = busySeconds() - before.busy - started - serverCpu - (own(now) - own(before.own));
	const otherCores = Math.max(0, others) / ((performance.now() - before.at) / 1000);
	return { ...rest, seconds: seconds ?? elapsed, clientCpu: cpu ?? started, serverCpu, otherCores };
}

/** @param server Process number of the server, where there is one. */
export async function compete(
	contenders: Contender[],
	rounds: number,
	server?: number,
): Promise<Map<Contender, Measure[]>> {
	const results = new Map<Contender, Measure[]>(contenders.map((contender) => [contender, []]));
	for (let round = 0; round < rounds; round++) {
		for (const contender of contenders) results.get(contender)?.push(await measure(contender, server));
	}
	return results;
}

function median(values: number[]): number {
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

const rounded = (value: number): number => Number(value.toFixed(2));

/** Prints medians, and the medians of the ratios of pairs, each with its peer of the same round. */
export function print(title: string, results: Map<Contender, Measure[]>): void {
	const load = loadavg().map((value) => value.toFixed(1));
	console.log(`\n${title} (load average ${load.join(', ')} on ${cpus().length} cores)`);
	const byName = new Map([...results].map(([{ name }, measures]) => [name, measures]));
	const cpu = ({ clientCpu, serverCpu }: Measure) => clientCpu + serverCpu;
	const rows = [...results].map(([{ name, peer }, measures]) => {
		const of = (value: (measure: Measure) => number | undefined) => median(measures.map((one) => value(one) ?? NaN));
		const peers = [peer ?? name].flat().map((one) => byName.get(one) ?? []);
		const ratio = (value: (measure: Measure) => number) =>
			median(
				measures.map((measure, round) => {
					const others = peers.flatMap((rounds) => rounds[round] ?? []);
					return value(measure) / Math.min(...others.map(value));
				}),
			);
		return {
			name,
			seconds: rounded(of(({ seconds }) => seconds)),
			'CPU s': rounded(of(cpu)),
			'of these the server': rounded(of(({ serverCpu }) => serverCpu)),
			'time to peer': peer ? rounded(ratio(({ seconds }) => seconds)) : '',
			'CPU to peer': peer ? rounded(ratio(cpu)) : '',
			'resident MB': Math.round(of(({ megabytes }) => megabytes)) || '',
			'size MB': Math.round(of(({ bytes }) => bytes) / 1e6) || '',
			'others, cores': rounded(of(({ otherCores }) => otherCores)),
		};
	});
	console.table(rows);
}
