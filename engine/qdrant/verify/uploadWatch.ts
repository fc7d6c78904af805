/** A server that has begun to take a snapshot in cannot be stopped; this long it is waited for after a cancel. */
const CANCEL_GRACE_MS = 60_000;

/**
 * Follows an upload, so that a cancel comes when it leaves nothing behind: at once while a snapshot is being sent, for then
 * the server drops it; once the server has all of it, as soon as that has been taken in and can be removed.
 */
export class UploadWatch {
	/** Bytes of the snapshots that were sent so far. */
	bytes = 0;
	#isSent = false;
	#isSettled = false;
	#isBusy = false;
	#timer: NodeJS.Timeout | undefined;
	readonly #controller = new AbortController();
	readonly #onAbort = () => this.#cancel();

	constructor(private readonly outer: AbortSignal | undefined) {
		if (outer?.aborted) this.#controller.abort();
		outer?.addEventListener('abort', this.#onAbort, { once: true });
	}

	/** The signal to be passed to the restore. */
	get signal(): AbortSignal {
		return this.#controller.signal;
	}

	/** Takes the restore's progress; a cluster's shards come one after the other. */
	progress({ bytes, totalBytes }: { bytes: number; totalBytes: number }): void {
		this.#isBusy = bytes >= totalBytes;
		if (this.#isBusy) {
			this.#isSent = true;
			this.bytes += totalBytes;
		} else if (this.outer?.aborted) this.#controller.abort();
	}

	/** Call where the server has reported how it ended. */
	settled(): void {
		this.#isSettled = true;
		this.#isBusy = false;
	}

	/** Whether the server may have all of a snapshot, and be at work on it without anybody hearing of it. */
	get isInDoubt(): boolean {
		return this.#isSent && !this.#isSettled;
	}

	/** Call when the restore has ended. */
	close(): void {
		clearTimeout(this.#timer);
		this.outer?.removeEventListener('abort', this.#onAbort);
	}

	#cancel(): void {
		if (!this.#isBusy) this.#controller.abort();
		else this.#timer = setTimeout(() => this.#controller.abort(), CANCEL_GRACE_MS);
	}
}
