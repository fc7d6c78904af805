/**
 * The one place that decides whether something is tried again, and when: for as long as an outage may last, not for a
 * number of times, so that a server that restarts or a line that is down ends no backup, whatever the number of requests
 * that meet it. Waits double up to a longest one. Half of each is random, so that clients that failed together do not come
 * back together; the other half is not, so that the tries are spread over the whole time. A server that says when it wants
 * to be asked again (Retry-After) is not asked before.
 */
import { BackupError, throwIfCancelled } from '../../errors';
import type { Clock } from '../clock';
import { failureOfConnection, isConnectionFailure, isPassing, type S3Failure } from './failure';
import { BodyFailure } from './streamed-body';

export interface RetryPolicy {
	/** How long the server may fail before that counts. Default 120,000; what fails is tried twice at least. */
	outageMs: number;
	/** The same until it has answered for the first time: a wrong address is reported sooner than an outage. Default 30,000. */
	firstAnswerMs: number;
	/** The first wait; each is twice the one before. Default 500. */
	baseDelayMs: number;
	/** The longest wait, unless the server asks for more. Default 10,000. */
	maxDelayMs: number;
	/** A connection on which nothing moved for so long counts as dropped. Default 60,000. */
	stallMs: number;
	/** Default 10,000. */
	connectTimeoutMs: number;
	/** From 0 to 1, for the random half of a wait. Default Math.random. */
	random: () => number;
	/** Default the system's. */
	clock: Clock;
}

/** What is known of the server at one time, by all its requests. */
export interface ServerWatch {
	/** Whether it has ever answered. */
	readonly hasAnswered: boolean;
	/** Fires when the run is cancelled that asks it: then nothing is worth waiting for. */
	readonly runSignal: AbortSignal | undefined;
	/** A request has failed, and is sent again after so many milliseconds. */
	failed(failure: S3Failure, waitMs: number): void;
}

/** The failures of one action in a row. */
export class Patience {
	#failures = 0;
	#since = 0;

	constructor(
		private readonly policy: RetryPolicy,
		private readonly server: ServerWatch,
	) {}

	/** To be called when the action went well, as far as it went. */
	succeeded(): void {
		this.#failures = 0;
	}

	/**
	 * Waits until the action may be tried again.
	 * @throws S3Failure where that is of no use, or the outage has lasted too long; BackupError CANCELLED
	 */
	async afterFailure(error: unknown, signal: AbortSignal | undefined): Promise<void> {
		throwIfCancelled(signal);
		if (error instanceof BackupError || error instanceof BodyFailure) throw error;
		const { clock } = this.policy;
		const failure = failureOfConnection(error);
		const now = clock.now();
		// What stalled began to fail when nothing moved any more.
		if (++this.#failures === 1) this.#since = now - Math.min(failure.silentMs, this.policy.stallMs);
		failure.attempts = this.#failures;
		failure.outageMs = now - this.#since;
		const { runSignal } = this.server;
		if (!isPassing(failure) || runSignal?.aborted) throw failure;
		const left = this.#patienceWith(failure) - failure.outageMs;
		if (left <= 0 && this.#failures > 1) throw failure;
		const wait = Math.min(delayMs(this.policy, this.#failures, failure), Math.max(left, this.policy.baseDelayMs));
		this.server.failed(failure, wait);
		await clock.wait(wait, signal && runSignal ? AbortSignal.any([signal, runSignal]) : (signal ?? runSignal));
	}

	#patienceWith(failure: S3Failure): number {
		const { outageMs, firstAnswerMs } = this.policy;
		return this.server.hasAnswered || !isConnectionFailure(failure) ? outageMs : Math.min(outageMs, firstAnswerMs);
	}
}

/**
 * Runs an action until it succeeds, fails for good, or its failures have lasted too long.
 * @throws S3Failure of the last attempt; BackupError CANCELLED
 */
export async function withRetry<T>(
	policy: RetryPolicy,
	server: ServerWatch,
	signal: AbortSignal | undefined,
	action: () => Promise<T>,
): Promise<T> {
	const patience = new Patience(policy, server);
	for (;;) {
		throwIfCancelled(signal);
		try {
			return await action();
		} catch (error) {
			await patience.afterFailure(error, signal);
		}
	}
}

/** Milliseconds to wait after so many failures in a row: what the server asks for, or half a step and up to half more. */
export function delayMs(policy: RetryPolicy, failures: number, failure?: S3Failure): number {
	const step = Math.min(policy.maxDelayMs, policy.baseDelayMs * 2 ** (failures - 1));
	return Math.max(failure?.retryAfterMs ?? 0, (step / 2) * (1 + policy.random()));
}
