import type { ObjectHead } from './object';
import { S3Failure } from './failure';
import type { S3Requests } from './requests';

/**
 * Finds out on the way whether a bucket keeps older versions: there a deletion only hides an object behind a delete marker
 * (https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html), even one that object lock holds, and answers
 * to HEAD tell nothing of locks to keys without s3:GetObjectRetention.
 */
export class KeptVersions {
	#areKept = false;
	#showsLocks: Promise<boolean> | undefined;
	#hidesLocks = false;

	constructor(private readonly requests: S3Requests) {}

	/** Looks at an object that is to be deleted. @throws S3Failure; BackupError CANCELLED */
	async look(key: string, { versionId, lock }: ObjectHead, signal: AbortSignal | undefined): Promise<void> {
		// Where versions were never kept there is none, and what was stored while they are suspended is overwritten.
		if (versionId === undefined || versionId === 'null') return;
		this.#areKept = true;
		if (lock) return;
		this.#showsLocks ??= this.#mayReadLock(key, signal);
		this.#hidesLocks ||= !(await this.#showsLocks);
	}

	/** What people should know of deletions in the bucket. */
	notes(): string[] {
		if (!this.#areKept) return [];
		return [
			'The bucket keeps older versions: what is deleted is only hidden, and takes up room until a lifecycle rule of the bucket removes old versions.',
			...(this.#hidesLocks
				? [
						'The access key may not see object locks (it lacks s3:GetObjectRetention), so what a lock holds is not told apart: it is hidden like the rest, and its versions stay until the lock is over.',
					]
				: []),
		];
	}

	/** Who may ask gets the lock, or that there is none. */
	async #mayReadLock(key: string, signal: AbortSignal | undefined): Promise<boolean> {
		try {
			await this.requests.send({ method: 'GET', key, query: { retention: '' }, signal });
			return true;
		} catch (error) {
			if (!(error instanceof S3Failure)) throw error;
			return error.status !== 403;
		}
	}
}
