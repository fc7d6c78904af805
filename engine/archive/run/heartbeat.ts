/**
 * The signs of life of a run: an object in the storage, and a line in a log, every half minute. The first one comes after some
 * seconds, so short runs leave no trace; or at once, for a run that somebody waits for. Nothing that goes wrong here is the run's
 * fault: it goes on without.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

import type { Clock } from '../../storage/clock';
import type { Gate } from '../../storage/gate';
import type { Storage } from '../../storage/storage';
import { formatRun, runningKey, type RunRecord } from './running';

const FIRST_MS = 10_000;
const EVERY_MS = 30_000;
/** A sign that is not written in this time is given up, and the end of a run waits no longer for one. */
const WRITTEN_WITHIN_MS = 10_000;
/** The rate is that of so many beats. */
const BEATS_OF_RATE = 4;

/** Counts what goes to and comes from a storage. */
export class Meter implements Gate {
	bytes = 0;

	pass(bytes: number): Promise<void> {
		this.bytes += bytes;
		return Promise.resolve();
	}
}

export interface HeartbeatOptions {
	/** Where the object goes; not the one whose bytes are counted. Undefined for none: then the log alone is told. */
	storage: Storage | undefined;
	meter: Meter;
	/** Read at each sign, so what becomes known on the way may be filled in. */
	about: Pick<RunRecord, 'action' | 'kind' | 'name' | 'workflow' | 'workflowId' | 'execution'>;
	/** Bytes that it will come to; asked at each sign until it is known. */
	total: () => Promise<number | undefined>;
	/** Whether the first sign comes at once, and the second after some seconds. */
	isAwaited?: boolean;
	onBeat?: ((record: RunRecord) => void) | undefined;
	clock: Clock;
}

/** Gives signs of life while the work lasts, however it ends. @throws what the work throws */
export async function whileBeating<T>(options: HeartbeatOptions, work: () => Promise<T>): Promise<T> {
	const heartbeat = new Heartbeat(options);
	try {
		return await work();
	} finally {
		await heartbeat.end();
	}
}

class Heartbeat {
	readonly #id = randomUUID();
	readonly #startedAt = new Date();
	readonly #stop = new AbortController();
	readonly #beating: Promise<void>;
	readonly #marks: Array<{ at: number; bytes: number }>;
	#total: number | undefined;
	#mayBeThere = false;

	constructor(private readonly options: HeartbeatOptions) {
		this.#marks = [{ at: options.clock.now(), bytes: 0 }];
		// It ends by `end`, which breaks off whatever it waits for.
		this.#beating = this.#beat().catch(() => {});
	}

	async end(): Promise<void> {
		this.#stop.abort();
		await this.#beating;
		// What cannot be removed looks dead after a while, and is cleared away by a prune.
		if (this.#mayBeThere) await this.options.storage?.remove(runningKey(this.#id)).catch(() => {});
	}

	async #beat(): Promise<void> {
		const { clock, isAwaited = false } = this.options;
		const { signal } = this.#stop;
		if (isAwaited) await this.#sign({ isTold: false });
		if (signal.aborted) return;
		await clock.wait(FIRST_MS, signal);
		while (!signal.aborted) {
			await this.#sign({ isTold: true });
			await clock.wait(EVERY_MS, signal);
		}
	}

	/** It is not broken off at the end: on its way to a server it could arrive after it was removed, and look dead for a day. */
	async #sign({ isTold }: { isTold: boolean }): Promise<void> {
		const { storage, total, onBeat } = this.options;
		this.#total ??= await total().catch(() => undefined);
		const record = this.#record();
		if (isTold) onBeat?.(record);
		this.#mayBeThere = true;
		const signal = AbortSignal.timeout(WRITTEN_WITHIN_MS);
		await storage?.replace(runningKey(this.#id), formatRun(record), { signal, isPassing: true }).catch(() => {});
	}

	#record(): RunRecord {
		const { about, meter, clock } = this.options;
		const now = { at: clock.now(), bytes: meter.bytes };
		const [from = now] = this.#marks;
		this.#marks.push(now);
		if (this.#marks.length > BEATS_OF_RATE) this.#marks.shift();
		const seconds = (now.at - from.at) / 1000;
		const total = this.#total;
		return {
			formatVersion: 1,
			id: this.#id,
			action: about.action,
			kind: about.kind,
			name: about.name.slice(0, 1000),
			startedAt: this.#startedAt.toISOString(),
			bytes: now.bytes,
			bytesPerSecond: seconds > 0 ? Math.round((now.bytes - from.bytes) / seconds) : 0,
			...(total !== undefined && { totalBytes: total }),
			workflow: about.workflow.slice(0, 1000),
			...(about.workflowId !== undefined && { workflowId: about.workflowId.slice(0, 200) }),
			execution: about.execution.slice(0, 200),
			host: hostname().slice(0, 300),
			process: process.pid,
		};
	}
}
