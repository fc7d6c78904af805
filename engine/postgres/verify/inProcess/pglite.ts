import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';

import { BackupError, cancelled, throwIfCancelled } from '../../../errors';
import { encodeQuery } from '../../protocol';
import type { ExtensionModule } from './extensions';

/** Bytes of an answer that may be on their way out of the thread. */
const UNTAKEN_LIMIT = 4 * 1024 * 1024;

/** Bytes sent after which the server's log, which is in memory as well, is shortened: no other process does it. */
const CHECKPOINT_BYTES = 64 * 1024 * 1024;
const CHECKPOINT = encodeQuery(Buffer.from('CHECKPOINT'));

/** Takes a piece of an answer; the thread waits until it has called `taken`, once it has posted enough. */
export type TakePiece = (bytes: Buffer, taken: () => void) => void;

interface Exchange {
	take: TakePiece;
	resolve: () => void;
	reject: (error: Error) => void;
}

type Posted = Uint8Array | 'ready' | 'done' | { error: string };

/**
 * A PostgreSQL server in this process and in memory: PGlite in a worker thread, which ends with it. It has one session, and
 * so one exchange at a time; others wait for their turn.
 */
export class InProcessServer {
	readonly #worker: Worker;
	readonly #untaken = new Int32Array(new SharedArrayBuffer(4));
	readonly #ready: Promise<void>;
	#exchange: Exchange | undefined;
	#turn: Promise<unknown> = Promise.resolve();
	#failure: Error | undefined;
	#sinceCheckpoint = 0;

	private constructor(extensions: ExtensionModule[]) {
		this.#worker = new Worker(join(__dirname, `worker${extname(__filename)}`), {
			workerData: { extensions, untaken: this.#untaken, limit: UNTAKEN_LIMIT },
			env: {},
			execArgv: [],
			// What PGlite writes there is for developers, and may quote statements.
			stdout: true,
			stderr: true,
		});
		this.#worker.stdout.resume();
		this.#worker.stderr.resume();
		this.#ready = new Promise((resolve, reject) => {
			this.#exchange = { take: () => {}, resolve, reject };
		});
		this.#worker.on('message', (posted: Posted) => this.#onPosted(posted));
		this.#worker.on('error', (error: Error) => this.#fail(error));
		this.#worker.on('exit', () => this.#fail(new Error('it has ended')));
	}

	/**
	 * Starts a server with nothing in it but the extensions, ready to be created. A few seconds.
	 * @throws BackupError TARGET_FAILED where it cannot run here, CANCELLED
	 */
	static async start(extensions: ExtensionModule[], signal?: AbortSignal): Promise<InProcessServer> {
		throwIfCancelled(signal);
		const server = new InProcessServer(extensions);
		const stop = () => void server.stop();
		signal?.addEventListener('abort', stop, { once: true });
		try {
			await server.#ready;
			return server;
		} catch (error) {
			await server.stop();
			if (signal?.aborted) throw cancelled();
			throw new BackupError('TARGET_FAILED', 'PostgreSQL could not be started inside this process.', {
				hint: 'It takes about 900 MB of memory. Give a scratch server instead.',
				cause: error,
			});
		} finally {
			signal?.removeEventListener('abort', stop);
		}
	}

	/** Why it cannot be used any more; undefined while it can. */
	get failure(): Error | undefined {
		return this.#failure;
	}

	/**
	 * Sends messages that the server answers in one go, and resolves once it has. `take` gets the answer as it comes.
	 * @throws Error where the server has ended
	 */
	async exchange(messages: Uint8Array, take: TakePiece): Promise<void> {
		const before = this.#turn;
		const run = async () => {
			await before;
			await this.#send(messages, take);
			this.#sinceCheckpoint += messages.length;
			if (this.#sinceCheckpoint < CHECKPOINT_BYTES) return;
			this.#sinceCheckpoint = 0;
			await this.#send(CHECKPOINT, (_, taken) => taken());
		};
		const answered = run();
		this.#turn = answered.catch(() => {});
		await answered;
	}

	#send(messages: Uint8Array, take: TakePiece): Promise<void> {
		if (this.#failure) return Promise.reject(this.#failure);
		return new Promise((resolve, reject) => {
			this.#exchange = { take, resolve, reject };
			this.#worker.postMessage(messages);
		});
	}

	/** Ends the thread at once, whatever it is at. */
	async stop(): Promise<void> {
		this.#fail(new Error('it was stopped'));
		await this.#worker.terminate();
	}

	#onPosted(posted: Posted): void {
		if (posted === 'ready' || posted === 'done') this.#end()?.resolve();
		else if ('error' in posted) this.#fail(new Error(posted.error));
		else
			this.#exchange?.take(Buffer.from(posted.buffer, posted.byteOffset, posted.length), () =>
				this.#taken(posted.length),
			);
	}

	#taken(bytes: number): void {
		Atomics.sub(this.#untaken, 0, bytes);
		Atomics.notify(this.#untaken, 0);
	}

	#end(): Exchange | undefined {
		const exchange = this.#exchange;
		this.#exchange = undefined;
		return exchange;
	}

	#fail(error: Error): void {
		this.#failure ??= Object.assign(new Error(`PostgreSQL inside this process failed: ${error.message}`), {
			code: 'ECONNRESET',
		});
		this.#end()?.reject(this.#failure);
	}
}
