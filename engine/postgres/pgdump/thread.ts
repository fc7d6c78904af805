import { randomBytes } from 'node:crypto';
import { extname, join } from 'node:path';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';

import { BackupError } from '../../errors';
import { compileCache } from '../compileCache';

import type { CompiledProgram, PgDumpJob, PgDumpOutcome, PgDumpReply } from './worker';

/**
 * pg_dump compiled, kept for the next run of this process: compiling and optimizing it takes 200 to 300 ms of CPU time. The
 * worker compares it with the file, and compiles that anew where it has changed.
 */
let kept: CompiledProgram | undefined;

/**
 * A thread for one run of pg_dump. It loads and compiles the program as soon as it is made, so that this goes on while the
 * connections log in, and waits for its arguments then. Ends with `close`.
 */
export class PgDumpThread {
	/** What nobody else can have written: see MarkerCursors. */
	readonly nonce = randomBytes(16).toString('hex');
	readonly #port: MessagePort;
	readonly #answered = new Int32Array(new SharedArrayBuffer(4));
	readonly #worker: Worker;
	readonly #outcome: Promise<PgDumpOutcome>;

	constructor() {
		const { port1, port2 } = new MessageChannel();
		this.#port = port1;
		const job: PgDumpJob = { port: port2, answered: this.#answered, nonce: this.nonce, compiled: kept };
		this.#worker = new Worker(join(__dirname, `worker${extname(__filename)}`), {
			workerData: job,
			transferList: [port2],
			env: compileCache(),
		});
		this.#outcome = new Promise((resolve, reject) => {
			this.#worker.once('message', (outcome: PgDumpOutcome) => {
				kept = outcome.compiled ?? kept;
				resolve(outcome);
			});
			this.#worker.once('error', reject);
			this.#worker.once('exit', () =>
				reject(new BackupError('SOURCE_FAILED', 'pg_dump ended before it had written its script.')),
			);
		});
		// It may fail before anybody waits for it.
		this.#outcome.catch(() => {});
	}

	/**
	 * Lets pg_dump begin. Resolves with what it has made, be it an error of its own.
	 * @param args pg_dump's arguments, without those for connection and output
	 * @param answer What pg_dump's next read finds after it has written these bytes; one call after the other
	 * @throws what `answer` throws; BackupError SOURCE_FAILED where the thread ends without an outcome
	 */
	async run(args: string[], answer: (bytes: Buffer) => Promise<PgDumpReply>): Promise<PgDumpOutcome> {
		const answering = new Promise<never>((_, reject) => {
			this.#port.on('message', (bytes: Uint8Array) => {
				answer(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)).then((reply) => {
					this.#port.postMessage(reply);
					Atomics.store(this.#answered, 0, 1);
					Atomics.notify(this.#answered, 0);
				}, reject);
			});
		});
		this.#worker.postMessage(args);
		return await Promise.race([this.#outcome, answering]);
	}

	/** Ends the thread, whatever it does. */
	async close(): Promise<void> {
		this.#port.close();
		this.#worker.removeAllListeners('exit');
		await this.#worker.terminate();
	}
}
