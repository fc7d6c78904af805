/**
 * Keys that begin with a slash. MinIO stores `/a` as `a`, and answers to both names: where a bucket has both objects, the second one that is
 * copied there would replace the first without a word. So before the first such key is written, the server is asked by a key that it has.
 */
import { headObject } from '../../storage/s3/object';
import type { S3Requests } from '../../storage/s3/requests';
import { shownName } from '../../tree';
import { KeyNotTaken } from './keyNotTaken';
import { listBucket } from './listing';
import type { ListedObject } from './page';

export class LeadingSlashes {
	/** Undefined where the bucket was empty. */
	#areKept: Promise<boolean | undefined> | undefined;

	constructor(private readonly requests: S3Requests) {}

	/**
	 * Writes under a key, if the server has that key.
	 * @throws KeyNotTaken where it takes it for another one; then nothing is left of it
	 */
	async kept<T>(key: string, write: () => Promise<T>, signal: AbortSignal): Promise<T> {
		if (!key.startsWith('/')) return await write();
		this.#areKept ??= this.#find(signal);
		const areKept = await this.#areKept;
		if (areKept === false) throw this.#dropped(key);
		const written = await write();
		if (areKept || (await this.#isListed(key, signal))) return written;
		this.#areKept = Promise.resolve(false);
		// There was nothing in the bucket before.
		await this.requests.send({ method: 'DELETE', key, signal });
		throw this.#dropped(key);
	}

	async #find(signal: AbortSignal): Promise<boolean | undefined> {
		const first = await firstOf(listBucket(this.requests, { signal }));
		if (!first) return undefined;
		if (first.key.startsWith('/')) return true;
		const other = `/${first.key}`;
		return !(await headObject(this.requests, other, signal)) || (await this.#isListed(other, signal));
	}

	async #isListed(key: string, signal: AbortSignal): Promise<boolean> {
		const found = await firstOf(listBucket(this.requests, { prefix: key, until: key, signal }));
		return found?.key === key;
	}

	#dropped(key: string): KeyNotTaken {
		const { bucket } = this.requests.settings;
		const message = `The server takes ${shownName(key)} for ${shownName(key.replace(/^\/+/, ''))} in the bucket ${bucket}, and may have another object there; it was not written.`;
		return new KeyNotTaken(message, {
			hint: 'Leave it out by a pattern, or put everything below a prefix.',
		});
	}
}

async function firstOf(objects: AsyncGenerator<ListedObject>): Promise<ListedObject | undefined> {
	for await (const object of objects) return object;
	return undefined;
}
