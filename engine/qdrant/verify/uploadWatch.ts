/** A server cannot be stopped once it restores a snapshot. After a cancel, the run waits for it this long. */
const CANCEL_GRACE_MS = 60_000;

/**
 * Follows an upload, so that a cancel leaves nothing behind. While a snapshot is being sent, a cancel takes effect at once, because
 * the server drops a partial upload. Once the server has all of it, a cancel waits until the collection is there and can be removed.
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

	/** To be called with the progress of the restore. The shards of a cluster come one after the other. */
	progress({ bytes, totalBytes }: { bytes: number; totalBytes: number }): void {
		this.#isBusy = bytes >= totalBytes;
		if (this.#isBusy) {
			this.#isSent = true;
			this.bytes += totalBytes;
		} else if (this.outer?.aborted) this.#controller.abort();
	}

	/** To be called when the server has reported how the restore ended. */
	settled(): void {
		this.#isSettled = true;
		this.#isBusy = false;
	}

	/** Whether the server may have all of a snapshot and still be restoring it although the connection was lost. */
	get isInDoubt(): boolean {
		return this.#isSent && !this.#isSettled;
	}

	/** To be called when the restore has ended. */
	close(): void {
		clearTimeout(this.#timer);
		this.outer?.removeEventListener('abort', this.#onAbort);
	}

	#cancel(): void {
		if (!this.#isBusy) this.#controller.abort();
		else this.#timer = setTimeout(() => this.#controller.abort(), CANCEL_GRACE_MS);
	}
}
