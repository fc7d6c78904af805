import { spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { guardProcess, processEnded } from './guard';

const KEPT_OUTPUT = 1_000_000;

export interface ProcessOptions {
	/** For error messages. */
	name: string;
	command: string;
	args: string[];
	env?: NodeJS.ProcessEnv;
	cwd?: string;
	uid?: number;
	gid?: number;
	/** Asked again and again until it answers true (errors count as false). */
	ready: (output: string) => boolean | Promise<boolean>;
	readyWithinMs: number;
	/** What ends the server cleanly; SIGTERM unless told. */
	stopSignal?: NodeJS.Signals;
}

export interface ServerProcess {
	pid: number;
	/** The end of what it wrote to stdout and stderr. */
	output(): string;
	running(): boolean;
	/** Sends a signal; resolves at once. */
	kill(signal: NodeJS.Signals): void;
	exited: Promise<void>;
	/** Ends it, by SIGKILL where it takes longer than ten seconds. */
	stop(): Promise<void>;
}

/**
 * Starts a server and waits until it is ready; throws with its output when it ends or does not get ready in time. It dies
 * with this process.
 */
export async function startProcess(options: ProcessOptions): Promise<ServerProcess> {
	const stopSignal = options.stopSignal ?? 'SIGTERM';
	const spawnOptions: SpawnOptions = { stdio: ['ignore', 'pipe', 'pipe'], detached: true };
	for (const key of ['env', 'cwd', 'uid', 'gid'] as const) {
		if (options[key] !== undefined) Object.assign(spawnOptions, { [key]: options[key] });
	}
	const child = spawn(options.command, options.args, spawnOptions);
	await once(child, 'spawn');
	const pid = child.pid!;
	guardProcess(pid, stopSignal);

	let output = '';
	const keep = (chunk: Buffer) => {
		output = (output + chunk.toString()).slice(-KEPT_OUTPUT);
	};
	child.stdout!.on('data', keep);
	child.stderr!.on('data', keep);
	let running = true;
	const exited = new Promise<void>((resolve) => {
		child.once('close', () => {
			running = false;
			processEnded(pid);
			resolve();
		});
	});
	const kill = (signal: NodeJS.Signals) => void (running && child.kill(signal));
	const stop = async () => {
		kill(stopSignal);
		const timer = setTimeout(() => kill('SIGKILL'), 10_000);
		await exited;
		clearTimeout(timer);
		killGroup(pid);
	};

	const deadline = Date.now() + options.readyWithinMs;
	for (;;) {
		if (!running) throw new Error(`${options.name} ended while it was starting:\n${output}`);
		if (await Promise.resolve(options.ready(output)).catch(() => false)) break;
		if (Date.now() > deadline) {
			await stop();
			throw new Error(`${options.name} was not ready within ${options.readyWithinMs} ms:\n${output}`);
		}
		await sleep(50);
	}
	return { pid, output: () => output, running: () => running, kill, exited, stop };
}

/** What a server started itself and did not end. */
function killGroup(pid: number): void {
	try {
		process.kill(-pid, 'SIGKILL');
	} catch {
		// Nothing was left.
	}
}

/**
 * A TCP port of 127.0.0.1 that nobody listens on. Taken from below the range that systems give to outgoing connections, so
 * that none of those can take it before the server does.
 */
export async function freePort(): Promise<number> {
	for (;;) {
		const port = 15_000 + Math.floor(Math.random() * 17_000);
		const server = createServer();
		const free = await new Promise<boolean>((resolve) => {
			server.once('error', () => resolve(false));
			server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
		});
		if (free) return port;
	}
}
