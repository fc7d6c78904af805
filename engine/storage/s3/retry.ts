import { setTimeout as sleep } from 'node:timers/promises';

import { BackupError, cancelled, throwIfCancelled } from '../../errors';
import { failureOfConnection, isPassing, type S3Failure } from './failure';
import type { RetryPolicy } from './options';

/**
 * Runs an action until it succeeds, fails for good, or has used up its attempts. Waits between attempts grow
 * exponentially with full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), so that
 * clients which failed together do not come back together.
 * @param mayRetry a further condition on top of the failure's own nature
 * @throws S3Failure of the last attempt; BackupError CANCELLED
 */
export async function withRetry<T>(
	policy: RetryPolicy,
	signal: AbortSignal | undefined,
	action: () => Promise<T>,
	mayRetry: (failure: S3Failure) => boolean = () => true,
): Promise<T> {
	for (let attempt = 1; ; attempt++) {
		throwIfCancelled(signal);
		try {
			return await action();
		} catch (error) {
			throwIfCancelled(signal);
			if (error instanceof BackupError) throw error;
			const failure = failureOfConnection(error);
			failure.attempts = attempt;
			if (attempt >= policy.attempts || !isPassing(failure) || !mayRetry(failure)) throw failure;
			await pause(delayMs(policy, attempt, failure), signal);
		}
	}
}

/** Milliseconds to wait after the given number of failed attempts. */
export function delayMs(policy: RetryPolicy, failedAttempts: number, failure?: S3Failure): number {
	const ceiling = Math.min(policy.maxDelayMs, policy.baseDelayMs * 2 ** (failedAttempts - 1));
	const asked = Math.min(policy.maxDelayMs, failure?.retryAfterMs ?? 0);
	return Math.max(asked, Math.random() * ceiling);
}

/**
 * Waits, but not longer than until the signal fires.
 * @throws BackupError CANCELLED
 */
export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
	try {
		await sleep(milliseconds, undefined, { signal });
	} catch {
		throw cancelled();
	}
}
