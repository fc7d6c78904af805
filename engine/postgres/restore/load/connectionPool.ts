import type { Client } from 'pg';

/** A piece of work for one connection. */
export interface Job {
	/** Tables it locks: jobs whose locks exclude each other never run at once. */
	locks: Array<{ table: string; shared: boolean }>;
	run: (client: Client) => Promise<void>;
}

function conflicts(a: Job, b: Job): boolean {
	return a.locks.some((mine) => b.locks.some((other) => mine.table === other.table && !(mine.shared && other.shared)));
}

/** Connections to one database that work on a queue of jobs. */
export class ConnectionPool {
	readonly #idle: Client[];
	#queue: Job[] = [];
	readonly #running = new Set<Job>();
	#failure: { error: unknown } | undefined;
	#changed: Array<() => void> = [];

	constructor(readonly clients: Client[]) {
		this.#idle = [...clients];
	}

	/** The connection for what has to run alone; only to be used after `drain`. */
	get main(): Client {
		return this.clients[0] as Client;
	}

	/**
	 * Queues a job and resolves once no more than `backlog` jobs wait for a connection.
	 * @throws the error of an earlier job.
	 */
	async submit(job: Job, backlog: number): Promise<void> {
		if (this.#failure) throw this.#failure.error;
		this.#queue.push(job);
		this.#start();
		while (this.#queue.length > backlog && !this.#failure) await this.#change();
	}

	/**
	 * Resolves once every job has ended.
	 * @throws the error of the first one that failed.
	 */
	async drain(): Promise<void> {
		while (this.#running.size > 0 || (this.#queue.length > 0 && !this.#failure)) await this.#change();
		if (this.#failure) throw this.#failure.error;
	}

	#change(): Promise<void> {
		return new Promise((resolve) => this.#changed.push(resolve));
	}

	#start(): void {
		for (const job of [...this.#queue]) {
			if (this.#idle.length === 0 || this.#failure) return;
			if ([...this.#running].some((other) => conflicts(job, other))) continue;
			this.#queue = this.#queue.filter((queued) => queued !== job);
			void this.#run(job, this.#idle.pop() as Client);
		}
	}

	async #run(job: Job, client: Client): Promise<void> {
		this.#running.add(job);
		try {
			await job.run(client);
		} catch (error) {
			this.#failure ??= { error };
		}
		this.#running.delete(job);
		this.#idle.push(client);
		this.#start();
		for (const resolve of this.#changed.splice(0)) resolve();
	}
}
