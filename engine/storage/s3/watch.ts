import type { Clock } from '../clock';
import type { OnNotice } from '../stall';
import type { S3Failure } from './failure';
import type { ServerWatch } from './retry';

/** What is over sooner is not worth a word. */
const TELL_AFTER_MS = 10_000;
const TELL_EVERY_MS = 30_000;

/** Sees all requests to one server, and reports when it is out of reach for longer, while that lasts and when it is over. */
export class Watch implements ServerWatch {
	#hasAnswered = false;
	#failingSince: number | undefined;
	#toldAt: number | undefined;

	/**
	 * @param server for the messages: `S3 server s3.example.com:443`
	 */
	constructor(
		private readonly server: string,
		private readonly clock: Clock,
		private readonly tell: OnNotice,
		readonly runSignal: AbortSignal | undefined = undefined,
	) {}

	get hasAnswered(): boolean {
		return this.#hasAnswered;
	}

	/** The server has answered, if only with a refusal. */
	answered(): void {
		this.#hasAnswered = true;
	}

	/** A request has gone well. */
	succeeded(): void {
		if (this.#failingSince !== undefined && this.#toldAt !== undefined) {
			this.tell(`The ${this.server} works again after ${seconds(this.clock.now() - this.#failingSince)}.`, true);
		}
		this.#failingSince = undefined;
		this.#toldAt = undefined;
	}

	failed(failure: S3Failure, waitMs: number): void {
		const now = this.clock.now();
		this.#failingSince ??= now - failure.outageMs;
		const lasts = now - this.#failingSince;
		if (lasts + waitMs < TELL_AFTER_MS) return;
		const reason = failure.code ?? (failure.status === undefined ? failure.message : `HTTP status ${failure.status}`);
		this.#tellNowAndThen(
			`The ${this.server} has failed for ${seconds(lasts)} (${reason}); the next try is in ${seconds(waitMs)}.`,
		);
	}

	/**
	 * Nothing has moved on a connection for so long.
	 * @param limitMs when it is given up
	 */
	silent(silentMs: number, limitMs: number): void {
		if (silentMs < TELL_AFTER_MS) return;
		this.#failingSince ??= this.clock.now() - silentMs;
		this.#tellNowAndThen(
			`A request to the ${this.server} has been without any answer for ${seconds(silentMs)}; after ${seconds(limitMs)} it is sent again.`,
		);
	}

	/** Several requests meet one outage. */
	#tellNowAndThen(notice: string): void {
		const now = this.clock.now();
		if (this.#toldAt !== undefined && now - this.#toldAt < TELL_EVERY_MS) return;
		this.#toldAt = now;
		this.tell(notice, false);
	}
}

function seconds(milliseconds: number): string {
	return `${Math.round(milliseconds / 1000)} s`;
}
