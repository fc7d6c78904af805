/** A bucket, or what lies below a prefix in it, as an end of a mirror. */
import { isUtf8 } from 'node:buffer';

import { BackupError } from '../../errors';
import { bytesOf } from '../../tree';
import { isObjectChanged, type Bucket, type ListedObject, type ObjectAttributes, type S3Client } from '../client';
import { BucketObjects, listed, MARK, RANGED_FROM } from './bucketObjects';
import { confirmed } from './confirmed';
import {
	LARGEST_OWN,
	ObjectChanged,
	type Listed,
	type OpenObject,
	type OwnFile,
	type OwnFiles,
	type Place,
	type WriteOptions,
} from './place';
import { isReserved } from './reserved';
import { Slots } from './slots';

export interface BucketPlaceOptions {
	client: S3Client;
	bucket: string;
	/** What the keys begin with: empty, or with a slash at the end. */
	prefix?: string;
}

/** Bytes that S3 takes of a key, and of all user metadata. */
const LONGEST_KEY = 1024;
const MOST_METADATA = 2048;
const GIB = 1024 ** 3;
/** What is on its way of one stream. */
const STREAM_BYTES = 4 * 1024 * 1024;

export class BucketPlace implements Place {
	readonly description: string;
	readonly server: string;
	/** What all its keys begin with. */
	readonly prefix: string;
	readonly identity: string;
	readonly own: OwnFiles;
	readonly #options: Required<BucketPlaceOptions>;
	readonly #bucket: Bucket;
	readonly #notes = new Set<string>();
	/** For content that goes through buffers: as much as one large object takes. */
	readonly #inMemory: Slots;
	readonly #objects: BucketObjects;
	#copies = true;

	/** @throws BackupError INVALID_INPUT for what is no name of a bucket */
	constructor(options: BucketPlaceOptions) {
		const { client, bucket, prefix = '' } = options;
		const { partSize, concurrency } = client.uploads;
		this.#options = { client, bucket, prefix };
		this.prefix = prefix;
		this.#bucket = client.bucket(bucket);
		this.#objects = new BucketObjects(this.#bucket, (message) => void this.#notes.add(message));
		this.#inMemory = new Slots(Infinity, (concurrency + 1) * partSize);
		// With other keys a server may refuse to read the source for a copy that the target's ask for.
		this.server = client.access;
		this.identity = `${client.endpoint}/${bucket}/${prefix}`;
		this.description = `bucket ${bucket}${prefix && `, ${prefix}`} at ${new URL(client.endpoint).host}`;
		this.own = {
			list: (beginning, signal) => this.#listOwn(beginning, signal),
			read: async (name, signal) => await this.readKey(prefix + name, signal),
			write: async (name, content, signal) => {
				const put = { size: content.length, replaces: true, signal };
				await this.#bucket.put(prefix + name, only(content), put);
			},
			create: async (name, content, signal) => {
				try {
					await this.#bucket.put(prefix + name, only(content), { size: content.length, signal });
					return true;
				} catch (error) {
					if (error instanceof BackupError && error.code === 'TARGET_EXISTS') return false;
					throw error;
				}
			},
		};
	}

	async *list(signal: AbortSignal): AsyncGenerator<Iterable<Listed>> {
		const { prefix } = this.#options;
		const onRepaired = (message: string) => void this.#notes.add(message);
		for await (const page of this.#bucket.listPages({ prefix, signal, onRepaired })) yield this.#listed(page);
	}

	*#listed(page: Iterable<ListedObject>): Generator<Listed, void> {
		const { prefix } = this.#options;
		for (const object of page) {
			const name = prefix === '' ? object.key : object.key.slice(prefix.length);
			if (name !== '' && !isReserved(name)) yield listed(name, object);
		}
	}

	refuses(name: string): string | undefined {
		const key = bytesOf(this.#options.prefix + name);
		if (key.length > LONGEST_KEY) return `has ${key.length} bytes, and a key can have ${LONGEST_KEY}`;
		return isUtf8(key) && !/[\ud800-\udfff]/.test(name.replace(/[\ud800-\udbff][\udc00-\udfff]/g, ''))
			? undefined
			: 'is not valid UTF-8, which keys have to be';
	}

	async ask(name: string, signal: AbortSignal): Promise<Listed | undefined> {
		const key = this.#keyOf(name);
		const head = await this.#bucket.head(key, signal);
		if (head) return listed(name, head);
		// An answer to HEAD has no body and gives no reason: the bucket itself may be gone. That to GET does.
		const opened = await this.#bucket.open(key, { start: 0, end: 1, signal });
		opened?.close();
		return opened && listed(name, opened.facts);
	}

	async open(object: Listed, signal: AbortSignal): Promise<OpenObject | undefined> {
		return await this.#objects.open(this.#keyOf(object.name), object, signal);
	}

	async write(object: OpenObject, { mark, below, signal }: WriteOptions): Promise<string> {
		const { facts, attributes, bytes, ranges } = object;
		const key = this.#keyOf(facts.name);
		const put = {
			size: facts.size,
			// Tags come after the content: a copy without them is not to be taken for a whole one.
			attributes: attributes.tags ? attributes : marked(attributes, mark),
			replaces: true,
			below: below === undefined ? undefined : this.#keyOf(below),
			signal,
			onLeftOut: (message: string) => void this.#notes.add(message),
		};
		if (ranges && facts.size > RANGED_FROM) {
			const confirm = async () => await object.confirm();
			const etag = await this.#bucket.putRanges(key, { ...ranges, confirm }, put);
			if (etag !== undefined) return etag;
		}
		// What was to take no memory takes some now, and so it goes alone.
		const slot = await this.#inMemory.acquire(this.#inBuffers(facts.size));
		try {
			return await this.#bucket.put(key, confirmed(object, bytes), put);
		} finally {
			slot.release();
		}
	}

	async copyFrom(
		source: Place,
		object: Listed,
		options: Pick<WriteOptions, 'below' | 'signal'>,
	): Promise<string | undefined> {
		if (!(source instanceof BucketPlace) || !this.#copies) return undefined;
		return await this.#copy(source, object, object.name, options);
	}

	async #copy(
		source: BucketPlace,
		object: Listed,
		to: string,
		{ below, signal }: Pick<WriteOptions, 'below' | 'signal'>,
	): Promise<string | undefined> {
		const key = source.#keyOf(object.name);
		const from = { bucket: source.#options.bucket, key, size: object.size, etag: object.writtenVersion };
		// A copy in one piece has the attributes of its source by itself.
		const attributes = object.size > GIB ? await source.#objects.attributes(key, signal) : {};
		try {
			const etag = await this.#bucket.copy(this.#keyOf(to), {
				from,
				attributes,
				below: below === undefined ? undefined : this.#keyOf(below),
				signal,
			});
			if (etag === undefined) this.#copies = false;
			return etag;
		} catch (error) {
			if (!isObjectChanged(error)) throw error;
			const head = await source.#bucket.head(key, signal);
			// Swift takes the ETag of what was uploaded in parts for wrong when it copies.
			if (head && head.etag === object.writtenVersion) return undefined;
			throw new ObjectChanged();
		}
	}

	memoryFor(size: number): number {
		const { partSize, concurrency } = this.#options.client.uploads;
		if (size <= partSize || !this.#bucket.takesRanges) return this.#inBuffers(size);
		return Math.min(Math.ceil(size / partSize), concurrency) * STREAM_BYTES;
	}

	#inBuffers(size: number): number {
		const { partSize, concurrency } = this.#options.client.uploads;
		return size <= partSize ? size : Math.min(Math.ceil(size / partSize) + 1, concurrency + 1) * partSize;
	}

	async isCopy(here: Listed, _source: Listed, mark: string, signal: AbortSignal): Promise<boolean> {
		const head = await this.#bucket.head(this.#keyOf(here.name), signal);
		return head?.etag === here.writtenVersion && head.attributes.metadata?.[MARK] === mark;
	}

	async keepsVersions(signal: AbortSignal): Promise<boolean> {
		return (await this.#bucket.versioning(signal)) === 'Enabled';
	}

	async move(object: Listed, to: string, signal: AbortSignal): Promise<void> {
		const isCopied = this.#copies && (await this.#copy(this, object, to, { signal })) !== undefined;
		if (!isCopied) {
			const opened = await this.open(object, signal);
			if (!opened) return;
			const { attributes, facts } = opened;
			try {
				const put = { size: facts.size, attributes, replaces: true, signal };
				await this.#bucket.put(this.#keyOf(to), opened.bytes, put);
			} finally {
				await opened.close();
			}
		}
		const moved = await this.#bucket.head(this.#keyOf(to), signal);
		if (moved?.size !== object.size) {
			throw new BackupError('TARGET_FAILED', `${object.name} could not be moved to ${to} in the ${this.description}.`, {
				hint: 'It stays where it is. The server said that it had copied it and does not show the copy; its log may say more.',
			});
		}
		await this.remove(object.name, signal);
	}

	async remove(name: string, signal: AbortSignal): Promise<void> {
		const [failure] = await this.#bucket.remove([this.#keyOf(name)], signal);
		if (failure) throw failure.error;
	}

	async clearUnfinished(isOurs: (name: string) => Promise<boolean>, before: Date, signal: AbortSignal): Promise<void> {
		const { prefix } = this.#options;
		for (const upload of await this.#bucket.unfinishedUploads(prefix, before, signal)) {
			const name = upload.key.slice(prefix.length);
			if (isReserved(name) || (await isOurs(name))) await this.#bucket.giveUpStale(upload, before, signal);
		}
	}

	warnings(): string[] {
		return [...this.#notes];
	}

	close(): void {
		this.#options.client.close();
	}

	/**
	 * Reads an object of the bucket whole, wherever it lies; undefined where there is none. Of one that is larger than LARGEST_OWN, the
	 * beginning, which is more than that.
	 */
	async readKey(key: string, signal: AbortSignal): Promise<Buffer | undefined> {
		const opened = await this.#bucket.open(key, { signal });
		if (!opened) return undefined;
		const pieces: Uint8Array[] = [];
		let length = 0;
		try {
			for await (const piece of opened.bytes) {
				pieces.push(piece);
				length += piece.length;
				if (length > LARGEST_OWN) break;
			}
		} finally {
			opened.close();
		}
		return Buffer.concat(pieces);
	}

	async *#listOwn(beginning: string, signal: AbortSignal): AsyncGenerator<OwnFile> {
		const { prefix } = this.#options;
		for await (const { key, modifiedAt } of this.#bucket.list({ prefix: prefix + beginning, signal })) {
			yield { name: key.slice(prefix.length), modifiedAt: new Date(modifiedAt) };
		}
	}

	#keyOf(name: string): string {
		return this.#options.prefix + name;
	}
}

function marked(attributes: ObjectAttributes, mark: string): ObjectAttributes {
	const metadata = { ...attributes.metadata, [MARK]: mark };
	const bytes = Object.entries(metadata).flat().join('').length;
	// Without it a copy that was not recorded is made once more, and nothing else.
	return bytes > MOST_METADATA ? attributes : { ...attributes, metadata };
}

async function* only(content: Buffer): AsyncGenerator<Uint8Array> {
	yield content;
	await Promise.resolve();
}
