/** The threads that do calls of the file system: each has one user at a time, and a few wait a while for the next one. */
import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';

import type { Batch, Outcome } from './messages';

/** To start a thread takes longer than to back up a small folder. */
const WAITS_MS = 5000;

/** What a batch leaves is garbage soon: more room would only be filled with it. */
const YOUNG_MB = 6;

interface User {
	onOutcome: (outcome: Outcome) => void;
	/** The thread is of no use any more. */
	onFailure: (error: Error) => void;
}

/** Those that nobody uses now. */
const waiting = new Set<DiskThread>();
const MOST_WAITING = 4;

export class DiskThread {
	readonly #worker: Worker;
	#user: User | undefined;
	#timer: NodeJS.Timeout | undefined;

	constructor() {
		this.#worker = new Worker(join(__dirname, `thread${extname(__filename)}`), {
			resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
		});
		this.#worker.on('message', (outcome: Outcome) => this.#user?.onOutcome(outcome));
		this.#worker.on('error', (error: Error) => this.#user?.onFailure(error));
		this.#worker.on('exit', () => {
			waiting.delete(this);
			this.#user?.onFailure(new Error('The thread that reads files has ended.'));
		});
	}

	lendTo(user: User): void {
		clearTimeout(this.#timer);
		this.#user = user;
		this.#worker.ref();
	}

	post(batch: Batch): void {
		this.#worker.postMessage(batch);
	}

	/** Keeps it for the next user. */
	wait(): void {
		this.#user = undefined;
		// What it read may be unmounted now, or become another folder.
		this.#worker.postMessage('over');
		// It must not keep a process that is done from ending.
		this.#worker.unref();
		this.#timer = setTimeout(() => this.end(), WAITS_MS).unref();
	}

	/** A call that hangs, as on a share that is gone, ends when the system lets it. */
	end(): void {
		waiting.delete(this);
		this.#user = undefined;
		this.#worker.unref();
		void this.#worker.terminate();
	}
}

/** For the next user: nothing that was posted is without an answer. */
export function giveBackThread(thread: DiskThread): void {
	if (waiting.size >= MOST_WAITING) return thread.end();
	waiting.add(thread);
	thread.wait();
}

export function takeThread(user: User): DiskThread {
	const [thread = new DiskThread()] = waiting;
	waiting.delete(thread);
	thread.lendTo(user);
	return thread;
}
