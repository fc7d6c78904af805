/**
 * How bytes move through: messages go through a pipe to the process that runs PGlite. The answer comes back through another pipe
 * in frames (a letter, the length, the bytes) and is passed on as it comes. While the receiver has no room, nothing is read, and
 * the other process waits.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname, join } from 'node:path';
import type { Duplex } from 'node:stream';

import { BackupError, cancelled, throwIfCancelled } from '../../../errors';
import { compileCache } from '../../compileCache';
import { encodeQuery } from '../../protocol';
import { AnswerFrames } from './answerFrames';
import type { ExtensionModule } from './extensions';
import { availableMemory } from './memory';
import { checkMemory, RESERVE } from './memoryNeeded';

/** Bytes of an answer that the receiver may not have taken yet before reading pauses. */
const UNTAKEN_LIMIT = 4 * 1024 * 1024;

/** Bytes sent after which a checkpoint shortens the server's log, which is in memory as well: there is no background process for it. */
const CHECKPOINT_BYTES = 64 * 1024 * 1024;
const CHECKPOINT = encodeQuery(Buffer.from('CHECKPOINT'));

/**
 * The environment of the process. Our own environment is not passed on, because it may hold secrets. Files in memory grow by
 * being copied; these settings make glibc return the memory of old copies at once, which saves 100 MB.
 */
const ENVIRONMENT = { MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_ARENA_MAX: '1' };

/** Milliseconds between two checks of how much memory is left. */
const CHECK_INTERVAL = 200;

/**
 * Milliseconds without a sign of an answer after which the server is given up, because a function in a dump may never end. Building
 * an index over the largest database that fits here takes a small part of it.
 */
const IDLE_TIMEOUT = 15 * 60 * 1000;

/** The major version of the PostgreSQL that PGlite is made of. */
export const MAJOR_VERSION = 18;

/** Receives a piece of an answer, and calls `taken` once it has room for more. */
export type TakePiece = (bytes: Buffer, taken: () => void) => void;

interface Exchange {
	take: TakePiece;
	resolve: () => void;
	reject: (error: Error) => void;
}

export interface InProcessOptions {
	extensions: ExtensionModule[];
	/** Raw bytes of the dump that will be restored. */
	rawBytes: number;
	signal?: AbortSignal;
	/** Bytes of memory that may still be taken; undefined where nobody knows. */
	available?: (() => number | undefined) | undefined;
	/** Milliseconds to wait for any sign of an answer; by default a quarter of an hour. */
	idleTimeout?: number | undefined;
}

/** @throws Error where the system has no more processes, files or memory. Only a process that has started has its pipes. */
async function startChild(extensions: ExtensionModule[]): Promise<ChildProcess> {
	const script = join(__dirname, `child${extname(__filename)}`);
	const child = spawn(process.execPath, [script, JSON.stringify(extensions)], {
		env: { ...ENVIRONMENT, ...compileCache() },
		// PGlite writes messages for developers there, which may quote statements.
		stdio: ['pipe', 'ignore', 'ignore', 'pipe'],
	});
	await once(child, 'spawn');
	return child;
}

/**
 * A PostgreSQL server in memory: PGlite in a process of its own. It has one session, so exchanges run one at a time in a queue.
 * Where memory is about to run out, the server ends itself, before the system kills another process.
 */
export class InProcessServer {
	readonly #child: ChildProcess;
	readonly #answers: Duplex;
	readonly #closed: Promise<void>;
	readonly #ready: Promise<void>;
	readonly #watch: NodeJS.Timeout;
	#exchange: Exchange | undefined;
	#queue: Promise<unknown> = Promise.resolve();
	#failure: Error | undefined;
	#untaken = 0;
	#sinceCheckpoint = 0;
	/** Whether something was sent. Before that the server is starting, which cannot be the fault of a dump. */
	#asked = false;
	/** Milliseconds without a sign of the answer that is awaited. Checks are counted, not time, because a machine may sleep. */
	#silence = 0;

	private constructor(
		child: ChildProcess,
		available: () => number | undefined,
		readonly idleTimeout: number,
	) {
		this.#child = child;
		this.#closed = new Promise((resolve) => child.once('close', () => resolve()));
		this.#ready = new Promise((resolve, reject) => {
			this.#exchange = { take: () => {}, resolve, reject };
		});
		child.on('error', (error) => this.#fail(error));
		child.on('close', (code, signal) => this.#fail(new Error(`it has ended (${signal ?? `code ${code}`})`)));
		// `close` reports that the process has ended.
		child.stdin?.on('error', () => {});
		this.#answers = child.stdio[3] as Duplex;
		const frames = new AnswerFrames({
			data: (bytes) => this.#onData(bytes),
			done: () => this.#end()?.resolve(),
			failed: (message) => this.#fail(new Error(message)),
		});
		this.#answers.on('error', () => {}).on('data', (chunk: Buffer) => frames.push(chunk));
		this.#watch = setInterval(() => this.#check(available()), CHECK_INTERVAL).unref();
	}

	/**
	 * Starts a server with an empty database in which the extensions can be created. Takes a few seconds.
	 * @throws BackupError TARGET_FAILED where it cannot run here, or memory is too little; CANCELLED
	 */
	static async start(options: InProcessOptions): Promise<InProcessServer> {
		const { extensions, rawBytes, signal, available = () => availableMemory(), idleTimeout = IDLE_TIMEOUT } = options;
		throwIfCancelled(signal);
		checkMemory(rawBytes, available());
		let server: InProcessServer | undefined;
		const stop = () => void server?.stop();
		signal?.addEventListener('abort', stop, { once: true });
		try {
			server = new InProcessServer(await startChild(extensions), available, idleTimeout);
			throwIfCancelled(signal);
			await server.#ready;
			return server;
		} catch (error) {
			await server?.stop();
			if (signal?.aborted) throw cancelled();
			throw new BackupError('TARGET_FAILED', 'PostgreSQL could not be started in memory.', {
				hint: 'Give a scratch database on a server instead.',
				cause: error,
			});
		} finally {
			signal?.removeEventListener('abort', stop);
		}
	}

	/** Why the server cannot be used any more; undefined while it can. */
	get failure(): Error | undefined {
		return this.#failure;
	}

	/** The id of the process. */
	get processId(): number | undefined {
		return this.#child.pid;
	}

	/**
	 * Sends messages that the server answers together, and resolves once it has answered. `take` gets the answer as it comes.
	 * @throws Error where the server has ended
	 */
	async exchange(messages: Uint8Array, take: TakePiece): Promise<void> {
		const before = this.#queue;
		const run = async () => {
			await before;
			await this.#send(messages, take);
			this.#sinceCheckpoint += messages.length;
			if (this.#sinceCheckpoint < CHECKPOINT_BYTES) return;
			this.#sinceCheckpoint = 0;
			await this.#send(CHECKPOINT, (_, taken) => taken());
		};
		const answered = run();
		this.#queue = answered.catch(() => {});
		await answered;
	}

	#send(messages: Uint8Array, take: TakePiece): Promise<void> {
		if (this.#failure) return Promise.reject(this.#failure);
		return new Promise((resolve, reject) => {
			this.#exchange = { take, resolve, reject };
			this.#asked = true;
			this.#silence = 0;
			const length = Buffer.alloc(4);
			length.writeUInt32LE(messages.length);
			this.#child.stdin?.write(length);
			this.#child.stdin?.write(messages);
		});
	}

	/** Ends the process at once, whatever it is doing. */
	async stop(): Promise<void> {
		this.#fail(new Error('it was stopped'));
		await this.#closed;
	}

	#onData(bytes: Buffer): void {
		this.#silence = 0;
		this.#untaken += bytes.length;
		if (this.#untaken > UNTAKEN_LIMIT) this.#answers.pause();
		this.#exchange?.take(bytes, () => {
			this.#untaken -= bytes.length;
			if (this.#untaken <= UNTAKEN_LIMIT) this.#answers.resume();
		});
	}

	#check(available: number | undefined): void {
		if (available !== undefined && available < RESERVE) return this.#fail(new Error('memory was about to run out'));
		// While the receiver of the answer has no room, the server waits for it and is not silent.
		if (!this.#asked || !this.#exchange || this.#untaken > UNTAKEN_LIMIT) return;
		this.#silence += CHECK_INTERVAL;
		if (this.#silence <= this.idleTimeout) return;
		this.#fail(new Error(`it gave no answer for ${Math.round(this.idleTimeout / 1000)} seconds`), 'ETIMEDOUT');
	}

	#end(): Exchange | undefined {
		const exchange = this.#exchange;
		this.#exchange = undefined;
		return exchange;
	}

	#fail(error: Error, code = 'ECONNRESET'): void {
		this.#failure ??= Object.assign(new Error(`PostgreSQL in memory failed: ${error.message}`), {
			code,
		});
		clearInterval(this.#watch);
		this.#child.kill('SIGKILL');
		// Unread bytes would keep the pipe open.
		this.#answers.resume();
		this.#end()?.reject(this.#failure);
	}
}
