/**
 * What the list of a bucket says of keys that are asked for in their order, while the list is read along: a thousand keys a
 * request, instead of a request for each. In memory is a page of the list.
 */
import { compareNames } from '../tree';
import type { Bucket, ListedObject } from './client';

/** Keys that nobody asks for are passed over, up to so many; then the list is read anew from just before the key. */
const FAR = 2000;

export class ListedKeys {
	#listing: AsyncGenerator<ListedObject> | undefined;
	#next: ListedObject | undefined;
	#asked: string | undefined;
	#turn: Promise<unknown> = Promise.resolve();

	/** @param prefix what all keys begin with that are asked for */
	constructor(
		private readonly bucket: Bucket,
		private readonly prefix: string,
	) {}

	/**
	 * What the list says of a key; undefined where it has none, which proves nothing: see the server's list in client/listing.ts. Several
	 * may be asked for at once. One that comes before the last one begins the list anew.
	 * @throws BackupError as Bucket.list does
	 */
	async find(key: string, signal: AbortSignal): Promise<ListedObject | undefined> {
		const found = this.#turn.then(() => this.#found(key, signal));
		this.#turn = found.catch(() => {});
		return await found;
	}

	async close(): Promise<void> {
		await this.#turn;
		await this.#listing?.return(undefined);
	}

	async #found(key: string, signal: AbortSignal): Promise<ListedObject | undefined> {
		if (this.#asked === undefined || compareNames(key, this.#asked) < 0) await this.#begin(key, signal);
		this.#asked = key;
		for (let passed = 1; this.#next && compareNames(this.#next.key, key) < 0; passed++) {
			if (passed === FAR) await this.#begin(key, signal);
			else await this.#advance();
		}
		return this.#next?.key === key ? this.#next : undefined;
	}

	/** What a key begins with comes before it, and so does little else. */
	async #begin(key: string, signal: AbortSignal): Promise<void> {
		await this.#listing?.return(undefined);
		const after = Array.from(key).slice(0, -1).join('');
		const isBelow = after.length > this.prefix.length;
		this.#listing = this.bucket.list({ prefix: this.prefix, ...(isBelow && { after }), signal });
		await this.#advance();
	}

	async #advance(): Promise<void> {
		const next = await this.#listing?.next();
		this.#next = next?.done === false ? next.value : undefined;
	}
}
