/**
 * What restores that were killed have begun to upload and not ended: it takes room on the server until somebody gives it up. Only what is
 * under keys that this restore writes itself goes, and only what got no part for a day: nobody can tell what else is at work.
 */
import { BackupError, messageOf, throwIfCancelled } from '../errors';
import type { Bucket, ListedUpload } from './client';

/** An upload of large parts over a slow link may get none for hours. A server takes no requests of a clock that is further off than minutes. */
export const STALE_AFTER_MS = 24 * 60 * 60 * 1000;

export interface UnfinishedOptions {
	/** Called where it is not certain that nothing is left: a whole sentence. */
	warn: (message: string) => void;
	signal?: AbortSignal | undefined;
	now?: Date;
}

export class UnfinishedUploads {
	readonly #ours = new Set<ListedUpload>();

	private constructor(
		private readonly bucket: Bucket,
		private readonly byKey: ReadonlyMap<string, readonly ListedUpload[]>,
		private readonly before: Date,
		private readonly options: UnfinishedOptions,
	) {}

	/** Asks for those below a prefix that were begun a day ago. @throws BackupError CANCELLED */
	static async find(bucket: Bucket, prefix: string, options: UnfinishedOptions): Promise<UnfinishedUploads> {
		const { now = new Date(), signal } = options;
		const before = new Date(now.getTime() - STALE_AFTER_MS);
		const byKey = new Map<string, ListedUpload[]>();
		await told(options, async () => {
			for (const upload of await bucket.unfinishedUploads(prefix, before, signal)) {
				byKey.set(upload.key, [...(byKey.get(upload.key) ?? []), upload]);
			}
		});
		return new UnfinishedUploads(bucket, byKey, before, options);
	}

	/** Notes that a key is one of ours. */
	note(key: string): void {
		for (const upload of this.byKey.get(key) ?? []) this.#ours.add(upload);
	}

	/** Gives up those of our keys. @throws BackupError CANCELLED */
	async giveUp(): Promise<void> {
		await told(this.options, async () => {
			for (const upload of this.#ours) await this.bucket.giveUpStale(upload, this.before, this.options.signal);
		});
	}
}

/** A restore does not fail for it. */
async function told({ warn, signal }: UnfinishedOptions, action: () => Promise<void>): Promise<void> {
	try {
		await action();
	} catch (error) {
		throwIfCancelled(signal);
		// Keys that may not list uploads are common, and a server clears them by itself, or by a rule.
		if (error instanceof BackupError && error.code === 'ACCESS_DENIED') return;
		warn(`Unfinished uploads of earlier runs may be left in the bucket: ${messageOf(error)}`);
	}
}
