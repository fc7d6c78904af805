/** A bucket, or what lies below a prefix in it, as an end of a mirror. */
import { isUtf8 } from 'node:buffer';

import { BackupError } from '../../errors';
import { bytesOf } from '../../tree';
import { isObjectChanged, type Bucket, type ObjectAttributes, type ObjectFacts, type S3Client } from '../client';
import { ObjectChanged, type Listed, type OpenObject, type OwnFiles, type Place } from './place';
import { isReserved } from './reserved';

export interface BucketPlaceOptions {
	client: S3Client;
	bucket: string;
	/** What the keys begin with: empty, or with a slash at the end. */
	prefix?: string;
	/** Bytes of the parts that the client uploads, and how many of them at once. */
	partSize?: number;
	concurrency?: number;
}

/** User metadata of a copy: which version of which source it is of. */
const MARK = 'stack-backup-source';
/** Bytes that S3 takes of a key, and of all user metadata. */
const LONGEST_KEY = 1024;
const MOST_METADATA = 2048;
const GIB = 1024 ** 3;
/** Servers that do not say how many tags an object has are asked for those of so many before it is taken that there are none. */
const TAGS_ASKED = 50;
const NANOSECONDS = 1_000_000n;

export class BucketPlace implements Place {
	readonly description: string;
	readonly server: string;
	readonly identity: string;
	readonly own: OwnFiles;
	readonly #options: Required<BucketPlaceOptions>;
	readonly #bucket: Bucket;
	readonly #notes = new Set<string>();
	#copies = true;
	#hasTags = false;
	#tagsAsked = 0;

	/** @throws BackupError INVALID_INPUT for what is no name of a bucket */
	constructor(options: BucketPlaceOptions) {
		const { client, bucket, prefix = '', partSize = 16 * 1024 * 1024, concurrency = 4 } = options;
		this.#options = { client, bucket, prefix, partSize, concurrency };
		this.#bucket = client.bucket(bucket);
		this.server = client.endpoint;
		this.identity = `${client.endpoint}/${bucket}/${prefix}`;
		this.description = `bucket ${bucket}${prefix && `, ${prefix}`} at ${new URL(client.endpoint).host}`;
		this.own = {
			list: (folder, signal) => this.#listOwn(folder, signal),
			read: async (name, signal) => await this.#readOwn(name, signal),
			write: async (name, content, signal) => {
				const put = { size: content.length, replaces: true, signal };
				await this.#bucket.put(prefix + name, only(content), put);
			},
		};
	}

	async *list(signal: AbortSignal): AsyncGenerator<Listed> {
		const { prefix } = this.#options;
		const onRepaired = (message: string) => void this.#notes.add(message);
		for await (const object of this.#bucket.list({ prefix, signal, onRepaired })) {
			const name = object.key.slice(prefix.length);
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
		const key = this.#keyOf(object.name);
		const opened = await changing(this.#bucket.open(key, { etag: object.writtenVersion, signal }));
		if (!opened) return undefined;
		const { facts, bytes } = opened;
		const close = () => opened.close();
		try {
			// The time in a listing and the one in an answer may be rounded in two ways.
			const isAsListed = facts.etag === object.writtenVersion && facts.size === object.size;
			return {
				facts: isAsListed ? object : listed(object.name, facts),
				attributes: await this.#attributesOf(key, facts, signal),
				bytes: untilChanged(bytes),
				confirm: () => Promise.resolve(),
				close: () => Promise.resolve(close()),
			};
		} catch (error) {
			close();
			throw error;
		}
	}

	async write(object: OpenObject, mark: string, signal: AbortSignal): Promise<string> {
		const { facts, attributes, bytes } = object;
		return await this.#bucket.put(this.#keyOf(facts.name), confirmed(object, bytes), {
			size: facts.size,
			// Tags come after the content: a copy without them is not to be taken for a whole one.
			attributes: attributes.tags ? attributes : marked(attributes, mark),
			replaces: true,
			signal,
			onLeftOut: (message) => void this.#notes.add(message),
		});
	}

	async copyFrom(source: Place, object: Listed, signal: AbortSignal): Promise<string | undefined> {
		if (!(source instanceof BucketPlace) || !this.#copies) return undefined;
		return await this.#copy(source, object, object.name, signal);
	}

	async #copy(source: BucketPlace, object: Listed, to: string, signal: AbortSignal): Promise<string | undefined> {
		const key = source.#keyOf(object.name);
		const from = { bucket: source.#options.bucket, key, size: object.size, etag: object.writtenVersion };
		// A copy in one piece has the attributes of its source by itself.
		const attributes = object.size > GIB ? await source.#attributes(key, signal) : {};
		try {
			const etag = await this.#bucket.copy(this.#keyOf(to), { from, attributes, signal });
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
		const { partSize, concurrency } = this.#options;
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
		const isCopied = this.#copies && (await this.#copy(this, object, to, signal)) !== undefined;
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

	warnings(): string[] {
		return [...this.#notes];
	}

	close(): void {
		this.#options.client.close();
	}

	async #attributes(key: string, signal: AbortSignal): Promise<ObjectAttributes> {
		const head = await this.#bucket.head(key, signal);
		return head ? await this.#attributesOf(key, head, signal) : {};
	}

	async #attributesOf(
		key: string,
		{ attributes, tagCount }: ObjectFacts,
		signal: AbortSignal,
	): Promise<ObjectAttributes> {
		// The target has classes of its own.
		const { storageClass: _, metadata = {}, ...others } = attributes;
		const { [MARK]: _mark, ...users } = metadata;
		const asks = tagCount === undefined ? this.#hasTags || this.#tagsAsked++ < TAGS_ASKED : tagCount > 0;
		const tags = asks ? ((await this.#bucket.tags(key, signal)) ?? {}) : {};
		const isTagged = Object.keys(tags).length > 0;
		if (isTagged && tagCount === undefined) this.#hasTags = true;
		return {
			...others,
			...(Object.keys(users).length > 0 && { metadata: users }),
			...(isTagged && { tags }),
		};
	}

	async *#listOwn(folder: string, signal: AbortSignal): AsyncGenerator<string> {
		const { prefix } = this.#options;
		for await (const { key } of this.#bucket.list({ prefix: prefix + folder, signal })) yield key.slice(prefix.length);
	}

	async #readOwn(name: string, signal: AbortSignal): Promise<Buffer | undefined> {
		const opened = await this.#bucket.open(this.#keyOf(name), { signal });
		if (!opened) return undefined;
		const pieces: Uint8Array[] = [];
		for await (const piece of opened.bytes) pieces.push(piece);
		return Buffer.concat(pieces);
	}

	#keyOf(name: string): string {
		return this.#options.prefix + name;
	}
}

function listed(name: string, { size, modifiedAt, etag }: { size: number; modifiedAt: number; etag: string }): Listed {
	const version = `${etag} ${Math.floor(modifiedAt / 1000)}`;
	return { name, size, version, writtenVersion: etag, modified: BigInt(modifiedAt) * NANOSECONDS };
}

function marked(attributes: ObjectAttributes, mark: string): ObjectAttributes {
	const metadata = { ...attributes.metadata, [MARK]: mark };
	const bytes = Object.entries(metadata).flat().join('').length;
	// Without it a copy that was not recorded is made once more, and nothing else.
	return bytes > MOST_METADATA ? attributes : { ...attributes, metadata };
}

async function changing<T>(action: Promise<T>): Promise<T> {
	try {
		return await action;
	} catch (error) {
		throw isObjectChanged(error) ? new ObjectChanged() : error;
	}
}

async function* untilChanged(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
	try {
		yield* bytes;
	} catch (error) {
		throw isObjectChanged(error) ? new ObjectChanged() : error;
	}
}

/** The bytes, as many as there should be, and an error at their end where the object was changed meanwhile. */
export async function* confirmed(object: OpenObject, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
	let length = 0;
	for await (const chunk of bytes) {
		length += chunk.length;
		if (length > object.facts.size) throw new ObjectChanged();
		if (length < object.facts.size) {
			yield chunk;
			continue;
		}
		// Before the last byte goes out: what is stored then is there.
		await object.confirm();
		yield chunk;
	}
	if (length < object.facts.size) throw new ObjectChanged();
	if (object.facts.size === 0) await object.confirm();
}

async function* only(content: Buffer): AsyncGenerator<Uint8Array> {
	yield content;
	await Promise.resolve();
}
