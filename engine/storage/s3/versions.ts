import type { ObjectHead } from './object';
import { isPassing, S3Failure } from './failure';
import { assertRoot, type S3Requests } from './requests';
import { elements } from './xml';

/**
 * Finds out on the way whether a bucket keeps older versions: there a deletion only hides an object behind a delete marker
 * (https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html), even one that object lock holds, and answers
 * to HEAD tell nothing of locks to keys without s3:GetObjectRetention.
 */
export class KeptVersions {
	#areKept = false;
	#showsLocks: Promise<boolean> | undefined;
	#hidesLocks = false;
	#isWithoutLocks: Promise<boolean> | undefined;

	constructor(private readonly requests: S3Requests) {}

	/**
	 * Whether it is known of the bucket that object lock is off, so that none of its objects need be asked for it; asked once. False where
	 * the server does not tell, or the key may not ask.
	 * @throws S3Failure; BackupError CANCELLED
	 */
	async haveNoLocks(signal: AbortSignal | undefined): Promise<boolean> {
		this.#isWithoutLocks ??= this.#askForLocks(signal);
		try {
			return await this.#isWithoutLocks;
		} catch (error) {
			// Whoever is cancelled has not asked for others.
			this.#isWithoutLocks = undefined;
			throw error;
		}
	}

	async #askForLocks(signal: AbortSignal | undefined): Promise<boolean> {
		const locks = await this.#ask('object-lock', signal);
		if (locks.refusal !== 'ObjectLockConfigurationNotFoundError') return false;
		const { text } = await this.#ask('versioning', signal);
		const [versioning] = text === undefined ? [] : elements(text, 'Status');
		// Where versions are kept no more, objects of both sorts lie beside each other.
		if (text === undefined || (versioning !== undefined && versioning !== 'Enabled')) return false;
		this.#areKept ||= versioning === 'Enabled';
		return true;
	}

	/** What the bucket answers to a question about it, or the code of its refusal. @throws S3Failure that may pass; BackupError CANCELLED */
	async #ask(
		about: 'object-lock' | 'versioning',
		signal: AbortSignal | undefined,
	): Promise<{ text?: string; refusal?: string | undefined }> {
		try {
			const answer = await this.requests.send({ method: 'GET', query: { [about]: '' }, signal });
			assertRoot(answer, about === 'versioning' ? 'VersioningConfiguration' : 'ObjectLockConfiguration');
			return { text: answer.text };
		} catch (error) {
			if (!(error instanceof S3Failure) || isPassing(error)) throw error;
			return { refusal: error.code };
		}
	}

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
