import { BackupError } from '../errors';
import type { Storage } from '../storage/storage';

/** Limits in bytes for what is read whole: who writes to a storage must not decide how much memory reading it takes. */
export const LIMITS = {
	/** What this package writes stays far below; what it wrote before had up to this, for 500 GB of data. */
	manifest: 64 * 1024 * 1024,
	/** Fifty verifications with their findings take less. */
	verification: 4 * 1024 * 1024,
	/** Who holds a lock, or is writing an archive. */
	lock: 64 * 1024,
	/** An event of the journal: its texts are cut. */
	event: 32 * 1024,
	/** The log for people, which is cut at its beginning. */
	log: 4 * 1024 * 1024,
	/** Keys of the archives that a run deletes or copies: a hundred thousand. */
	notes: 32 * 1024 * 1024,
	/** What was noted of the manifests of a million backups, compressed. */
	cache: 128 * 1024 * 1024,
};

/** Thrown for an object that is larger than anything of its sort. */
export class TooLarge extends Error {}

/**
 * Reads an object whole that has at most so many bytes; undefined where there is none. Everything that is read whole comes
 * through here.
 * @throws TooLarge, as soon as more has come; BackupError as Storage.read throws it, except STORAGE_MISSING
 */
export async function readSmallObject(
	storage: Pick<Storage, 'read'>,
	key: string,
	limit: number,
	signal?: AbortSignal,
): Promise<Buffer | undefined> {
	const chunks: Uint8Array[] = [];
	let bytes = 0;
	try {
		for await (const chunk of await storage.read(key, signal ? { signal } : {})) {
			chunks.push(chunk as Uint8Array);
			bytes += (chunk as Uint8Array).length;
			if (bytes > limit) throw new TooLarge(`${key} has more than ${limit} bytes.`);
		}
	} catch (error) {
		if (error instanceof BackupError && error.code === 'STORAGE_MISSING') return undefined;
		throw error;
	}
	return Buffer.concat(chunks, bytes);
}

/** Lets through what takes room one after another, so that all that is held at once stays below a number of bytes. */
export class ByteBudget {
	#left: number;
	readonly #waiting: Array<{ bytes: number; begin: () => void }> = [];

	constructor(private readonly total: number) {
		this.#left = total;
	}

	/** Runs the work when there is room for it; what needs more than all of it has it for itself. */
	async hold<T>(wanted: number, work: () => Promise<T>): Promise<T> {
		const bytes = Math.min(wanted, this.total);
		if (this.#waiting.length > 0 || bytes > this.#left) {
			await new Promise<void>((begin) => this.#waiting.push({ bytes, begin }));
		} else this.#left -= bytes;
		try {
			return await work();
		} finally {
			this.#left += bytes;
			this.#next();
		}
	}

	#next(): void {
		for (let first = this.#waiting[0]; first && first.bytes <= this.#left; first = this.#waiting[0]) {
			this.#left -= first.bytes;
			this.#waiting.shift();
			first.begin();
		}
	}
}
