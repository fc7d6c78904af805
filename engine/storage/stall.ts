/**
 * A network share or a disk that does not answer keeps a call to the file system waiting for ever, and nothing can break it
 * off. So it is left behind: whoever asked gets an error, or the cancel that it asked for, and what hangs ends by itself
 * when the share is back.
 */
import { BackupError, cancelled } from '../errors';
import { type Clock, systemClock } from './clock';

/**
 * Called when something lasts: an outage, a stall.
 * @param notice a whole sentence, without secrets
 * @param isOver whether it says that all is well again
 */
export type OnNotice = (notice: string, isOver: boolean) => void;

/** Slow disks may be busy with what was written before for minutes; none for as long as this. */
export const STALL_MS = 10 * 60 * 1000;

const LOOK_EVERY_MS = 1000;
const TELL_EVERY_MS = 30_000;

/** A cancelled run ends soon, also where what it waits for does not. */
export const GRACE_MS = 3000;

export class StallWatch {
	/** When each call began that has not come back. */
	readonly #waiting = new Map<symbol, number>();
	#toldAt: number | undefined;
	#silentMs = 0;

	/**
	 * @param what is asked, for messages: `folder backups`
	 * @param onNotice default nobody
	 */
	constructor(
		private readonly what: string,
		private readonly onNotice: OnNotice = () => {},
		private readonly stallMs = STALL_MS,
		private readonly clock: Pick<Clock, 'now'> = systemClock,
	) {}

	/** One call to the file system. */
	async during<T>(call: () => Promise<T>): Promise<T> {
		const id = Symbol('call');
		this.#waiting.set(id, this.clock.now());
		try {
			return await call();
		} finally {
			this.#waiting.delete(id);
			this.#cameBack();
		}
	}

	/**
	 * Work that makes calls by `during`; it is left behind when one of them has not come back for too long, or shortly after
	 * the signal.
	 * @param work gets a signal that fires then: what still comes back must not go on
	 * @throws BackupError STORAGE_UNREACHABLE, CANCELLED, and what the work throws
	 */
	async supervise<T>(work: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
		const stop = new AbortController();
		let timer: NodeJS.Timeout | undefined;
		let abortedAt: number | undefined;
		const leftBehind = new Promise<never>((_, reject) => {
			timer = setInterval(() => {
				const silentMs = this.#look();
				if (signal?.aborted) abortedAt ??= this.clock.now();
				const isLate = abortedAt !== undefined && this.clock.now() - abortedAt >= GRACE_MS;
				if (silentMs >= this.stallMs) reject(this.#stalled());
				else if (isLate && silentMs >= GRACE_MS) reject(cancelled());
			}, LOOK_EVERY_MS);
		});
		try {
			const running = work(signal ? AbortSignal.any([signal, stop.signal]) : stop.signal);
			return await Promise.race([running, leftBehind]);
		} catch (error) {
			stop.abort();
			throw error;
		} finally {
			clearInterval(timer);
		}
	}

	/** Milliseconds that the call which waits longest has waited. */
	#look(): number {
		const now = this.clock.now();
		const silentMs = Math.max(0, ...[...this.#waiting.values()].map((since) => now - since));
		this.#silentMs = silentMs;
		if (silentMs >= TELL_EVERY_MS && now - (this.#toldAt ?? -Infinity) >= TELL_EVERY_MS) {
			this.#toldAt = now;
			this.onNotice(
				`The ${this.what} has not answered for ${seconds(silentMs)}; after ${seconds(this.stallMs)} the run gives it up.`,
				false,
			);
		}
		return silentMs;
	}

	#cameBack(): void {
		if (this.#toldAt === undefined || this.#waiting.size > 0) return;
		this.#toldAt = undefined;
		this.onNotice(`The ${this.what} answers again after ${seconds(this.#silentMs)}.`, true);
	}

	#stalled(): BackupError {
		return new BackupError('STORAGE_UNREACHABLE', `The ${this.what} has not answered for ${seconds(this.stallMs)}.`, {
			hint: 'Check the disk, or the server of the network share and the network between. Programs that use such a share hang with it: n8n may have to be restarted.',
		});
	}
}

function seconds(milliseconds: number): string {
	return `${Math.round(milliseconds / 1000)} s`;
}
