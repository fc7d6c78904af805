import { Readable } from 'node:stream';

import { BackupError, throwIfCancelled } from '../../errors';
import { closeSource } from '../chunks';
import type { StorageFeatures } from '../features';
import {
	assertKey,
	assertObjectKey,
	assertPointer,
	assertPointerKey,
	assertPrefix,
	isObjectKey,
	partKeys,
} from '../keys';
import { formatPointer, MAX_POINTER_BYTES, parsePointer } from '../pointer';
import type {
	DeletionLock,
	ListOptions,
	ReadOptions,
	RemovalFailure,
	ReplaceOptions,
	Storage,
	StoredObject,
	WriteOptions,
	WrittenObject,
} from '../storage';
import { BatchDelete } from './batch-delete';
import { CreateOnly } from './conditional';
import { copyObject, headOfSource } from './copy';
import { s3Error } from './errors';
import type { Place } from './explanation';
import { tryFeatures } from './features';
import { S3Failure } from './failure';
import { listObjects } from './listing';
import { headObject, md5Of } from './object';
import { endpointOf, objectHeaders, settingsOf, type S3Settings, type S3StorageOptions } from './options';
import { PartBuffers } from './part-buffers';
import { largestObject, partSizeFor } from './part-size';
import type { PartPlan } from './parts';
import { S3Requests } from './requests';
import { ResumableRead } from './resumable-read';
import { Patience } from './retry';
import { openRange } from './range';
import { readText } from './transport';
import { isGoingOn, uploadsBefore } from './unfinished';
import { assertAbsent, uploadStream } from './upload';
import { KeptVersions } from './versions';

/** Waits before an object that was just written is looked at again. */
const LATE_LOOKS_MS = [50, 250, 1000, 3000];

/** An object of no more than this gets memory of its own size, where that is known; a larger one that of a part, which is used again. */
const SMALL_BYTES = 1024 * 1024;

/**
 * Archives in a bucket of any S3-compatible server. An object is uploaded in parts, several at a time (upload.ts, multipart.ts),
 * and read as one stream that goes on where a connection broke (resumable-read.ts). All requests go through requests.ts,
 * which repeats what may be repeated, with patience for a server that is away (retry.ts), and turns every refusal
 * into an error that says what to do (errors.ts). What servers do differently is found out by asking:
 * conditional writes (conditional.ts), deletions in batches (batch-delete.ts), versions (versions.ts).
 */
export class S3Storage implements Storage {
	readonly description: string;
	readonly #options: S3StorageOptions;
	readonly #settings: S3Settings;
	readonly #requests: S3Requests;
	readonly #createOnly: CreateOnly;
	readonly #deletions: BatchDelete;
	readonly #versions: KeptVersions;
	/** Those of uploads before, to be used again: they are a lot of memory to be collected. */
	readonly #spareBuffers: PartBuffers[] = [];

	/** @throws BackupError INVALID_INPUT that names the option */
	constructor(options: S3StorageOptions) {
		this.#options = options;
		this.#settings = settingsOf(options);
		this.#requests = new S3Requests(this.#settings);
		this.#createOnly = new CreateOnly(this.#requests);
		this.#deletions = new BatchDelete(this.#requests);
		this.#versions = new KeptVersions(this.#requests);
		this.description = `bucket ${options.bucket} at ${this.#settings.host}`;
	}

	/** Where in which server it lies: its endpoint as endpointOf gives it, and the beginning of all keys in the bucket. */
	get place(): { endpoint: string; bucket: string; prefix: string } {
		const { bucket, prefix } = this.#settings;
		return { endpoint: endpointOf(this.#settings), bucket, prefix };
	}

	async write(key: string, source: AsyncIterable<Uint8Array>, options: WriteOptions = {}): Promise<WrittenObject> {
		try {
			assertObjectKey(key);
			return await this.#explained(key, () => this.#write(key, source, options));
		} catch (error) {
			closeSource(source);
			throw error;
		}
	}

	async #write(key: string, source: AsyncIterable<Uint8Array>, options: WriteOptions): Promise<WrittenObject> {
		const { signal = new AbortController().signal, isProof = false, isPassing = false } = options;
		const { partSize, concurrency } = this.#settings;
		const parts = this.#planFor(key, options);
		const upload = {
			requests: this.#requests,
			createOnly: this.#createOnly,
			key: this.#inBucket(key),
			headers: this.#headersOf(isPassing),
			parts,
			buffers: (parts.expected ? undefined : this.#spareBuffers.pop()) ?? new PartBuffers((concurrency + 1) * partSize),
			isProof,
		};
		// Who has much to send learns before that it will be refused.
		const isSingle = (options.expectedSize ?? Infinity) <= parts.size;
		if (!(isSingle && this.#createOnly.isProved)) await assertAbsent(this.#requests, upload.key, signal);
		const { size, isProved } = await uploadStream(upload, source, signal);
		if (!parts.expected) this.#spareBuffers.push(upload.buffers);
		const isOnlyOurs = this.#createOnly.isProved;
		if (isProved) return { key, size, modifiedAt: new Date(), isOnlyOurs };
		return { ...(await this.#verified(key, size)), isOnlyOurs };
	}

	/** @throws BackupError INVALID_INPUT where no object can be as large as this one will be */
	#planFor(key: string, { expectedSize, estimatedSize }: WriteOptions): PartPlan {
		const { partSize, maxParts } = this.#settings;
		const largest = largestObject(maxParts);
		if (expectedSize !== undefined && expectedSize > largest) {
			throw new BackupError(
				'INVALID_INPUT',
				`${key} has ${expectedSize} bytes; an object in ${this.description} can have ${largest}.`,
				{ hint: 'Compress it, or keep it in a folder.', details: { expectedSize, largest } },
			);
		}
		const size = partSizeFor(partSize, maxParts, expectedSize ?? estimatedSize);
		const isSmall = expectedSize !== undefined && expectedSize > 0 && expectedSize <= SMALL_BYTES;
		return { size, maxParts, ...(isSmall && { expected: expectedSize }) };
	}

	/**
	 * What was just written, once the server shows it whole; otherwise it is taken away again. Some servers show an object a
	 * moment after they have answered that it is there.
	 */
	async #verified(key: string, size: number): Promise<StoredObject> {
		try {
			let head = await headObject(this.#requests, this.#inBucket(key));
			for (const wait of LATE_LOOKS_MS) {
				if (head?.size === size) break;
				await this.#settings.retry.clock.wait(wait, undefined);
				head = await headObject(this.#requests, this.#inBucket(key));
			}
			if (head?.size === size) return { key, size, modifiedAt: head.modifiedAt };
			const found = head ? `${head.size} bytes` : 'nothing';
			throw new S3Failure(`${size} bytes were sent, the server shows ${found}`, {
				status: 200,
				code: 'IncompleteBody',
			});
		} catch (error) {
			await this.remove(key).catch(() => {});
			throw error;
		}
	}

	async copy(
		fromKey: string,
		toKey: string,
		options: { signal?: AbortSignal } = {},
	): Promise<StoredObject | undefined> {
		return await this.copyFrom(this, fromKey, toKey, options);
	}

	async copyFrom(
		source: Storage,
		fromKey: string,
		toKey: string,
		options: { signal?: AbortSignal } = {},
	): Promise<StoredObject | undefined> {
		// What only looks like one, a proxy for it, has none of its parts.
		if (!(source instanceof S3Storage && #settings in source) || !this.#isOnServerOf(source)) return undefined;
		assertObjectKey(fromKey);
		assertObjectKey(toKey);
		const copy = {
			requests: this.#requests,
			createOnly: this.#createOnly,
			from: source.#inBucket(fromKey),
			to: this.#inBucket(toKey),
			sourceRequests: source.#requests,
			headers: this.#headersOf(false),
		};
		// The source is the one that may be missing, the target the one that may exist.
		const found = await source.#explained(fromKey, () => headOfSource(copy, options.signal));
		return await this.#explained(toKey, async () => {
			const isCopied = await copyObject(copy, found, options.signal);
			return isCopied ? await this.#verified(toKey, found.size) : undefined;
		});
	}

	/** With two access keys, none may be good for both buckets; with two addresses, none may know the other's bucket. */
	#isOnServerOf(other: S3Storage): boolean {
		return other.place.endpoint === this.place.endpoint && other.#settings.accessKeyId === this.#settings.accessKeyId;
	}

	async replace(key: string, content: Uint8Array, options: ReplaceOptions = {}): Promise<void> {
		assertObjectKey(key);
		const headers = this.#headersOf(options.isPassing === true);
		await this.#explained(key, () => this.#put(key, content, headers, options.signal));
	}

	/** A lock on each sign of life, of which one replaces the other, would only leave versions that cannot be removed. */
	#headersOf(isPassing: boolean): Record<string, string> {
		return objectHeaders(isPassing ? { ...this.#options, objectLock: undefined } : this.#options, new Date());
	}

	async read(key: string, options: ReadOptions = {}): Promise<Readable> {
		assertObjectKey(key);
		return await this.#explained(key, () => this.#open(key, options));
	}

	/**
	 * An address from which anybody may read an object for so many seconds (at most a week), for a server that fetches it by
	 * itself. It holds a signature: show it nowhere.
	 */
	async presignedUrl(key: string, seconds: number): Promise<string> {
		assertObjectKey(key);
		return await this.#explained(key, () => Promise.resolve(this.#requests.presignedUrl(this.#inBucket(key), seconds)));
	}

	async stat(key: string): Promise<StoredObject | undefined> {
		assertObjectKey(key);
		const head = await this.#explained(key, () => headObject(this.#requests, this.#inBucket(key)));
		return head && { key, size: head.size, modifiedAt: head.modifiedAt };
	}

	async deletionLock(key: string, signal?: AbortSignal): Promise<DeletionLock | undefined> {
		assertObjectKey(key);
		const inBucket = this.#inBucket(key);
		return await this.#explained(key, async () => {
			if (await this.#versions.haveNoLocks(signal)) return undefined;
			const head = await headObject(this.#requests, inBucket, signal);
			if (head) await this.#versions.look(inBucket, head, signal);
			return head?.lock;
		});
	}

	deletionNotes(): string[] {
		return this.#versions.notes();
	}

	async *list(prefix: string, options: ListOptions = {}): AsyncGenerator<StoredObject, void, undefined> {
		assertPrefix(prefix);
		const inBucket = Object.fromEntries(
			Object.entries(options).map(([name, key]) => [name, this.#inBucket(key as string)]),
		);
		try {
			for await (const object of listObjects(this.#requests, this.#inBucket(prefix), undefined, inBucket)) {
				const key = object.key.slice(this.#settings.prefix.length);
				if (isObjectKey(key)) yield { ...object, key };
			}
		} catch (error) {
			throw s3Error(error, this.#place(prefix));
		}
	}

	async remove(key: string): Promise<void> {
		assertKey(key);
		await this.#explained(key, () => this.#deletions.removeOne(this.#inBucket(key)));
	}

	async removeMany(keys: readonly string[], signal?: AbortSignal): Promise<RemovalFailure[]> {
		const { allowed, failures } = partKeys(keys);
		const failed = (inBucket: string, failure: S3Failure) => {
			const key = inBucket.slice(this.#settings.prefix.length);
			const error = s3Error(failure, this.#place(key));
			if (error.code === 'STORAGE_UNREACHABLE') throw error;
			failures.push({ key, error });
		};
		await this.#deletions.remove(
			allowed.map((key) => this.#inBucket(key)),
			failed,
			signal,
		);
		return failures;
	}

	async setLatest(pointerKey: string, targetKey: string): Promise<void> {
		assertPointer(pointerKey, targetKey);
		const content = Buffer.from(formatPointer(targetKey, new Date()));
		await this.#explained(pointerKey, () => this.#put(pointerKey, content, {}, undefined));
	}

	async readLatest(pointerKey: string): Promise<string | undefined> {
		assertPointerKey(pointerKey);
		return await this.#explained(pointerKey, async () => {
			try {
				return parsePointer(pointerKey, await readText(await this.#open(pointerKey, {}), MAX_POINTER_BYTES));
			} catch (error) {
				if (error instanceof S3Failure && error.code === 'NoSuchKey') return undefined;
				throw error;
			}
		});
	}

	/** Buckets do not tell. */
	freeBytes(): Promise<undefined> {
		return Promise.resolve(undefined);
	}

	/** Whether what is stored gets a lock of its own. */
	get locksObjects(): boolean {
		return this.#options.objectLock !== undefined;
	}

	/** The same place, for what is removed again at once; to be closed by itself. */
	withoutLock(): S3Storage {
		const { objectLock: _, ...others } = this.#options;
		return new S3Storage(others);
	}

	async features(scratch: string, signal?: AbortSignal): Promise<StorageFeatures> {
		assertObjectKey(scratch);
		const headers = this.#headersOf(true);
		const trying = () => tryFeatures(this.#requests, this.#inBucket(scratch), headers, signal);
		return await this.#explained(scratch, trying);
	}

	async sweep(
		olderThan: Date,
		signal?: AbortSignal,
		isWanted: (key: string) => boolean = () => true,
	): Promise<string[]> {
		return await this.#explained('', async () => {
			const swept: string[] = [];
			for (const upload of await uploadsBefore(this.#requests, this.#settings.prefix, olderThan, signal)) {
				const { key, uploadId } = upload;
				const target = key.slice(this.#settings.prefix.length);
				if (!isWanted(target)) continue;
				if (await isGoingOn(this.#requests, upload, olderThan, signal)) continue;
				await this.#requests.send({ method: 'DELETE', key, query: { uploadId }, signal });
				swept.push(target);
			}
			return swept;
		});
	}

	/** Closes idle connections; the storage can be used again. */
	close(): void {
		this.#requests.close();
	}

	async #put(
		key: string,
		content: Uint8Array,
		headers: Record<string, string>,
		signal: AbortSignal | undefined,
	): Promise<void> {
		await this.#requests.send({
			method: 'PUT',
			key: this.#inBucket(key),
			headers: { ...headers, 'content-md5': md5Of(content).toString('base64') },
			body: Buffer.from(content),
			signal,
		});
	}

	async #open(key: string, options: ReadOptions): Promise<Readable> {
		throwIfCancelled(options.signal);
		const range = { start: options.start ?? 0, end: options.end };
		const fullKey = this.#inBucket(key);
		const response = await openRange(this.#requests, fullKey, range, {}, options.signal);
		if (!response) return Readable.from([]);
		const source = {
			open: async (start: number, etag: string, signal: AbortSignal) => {
				const rest = await openRange(this.#requests, fullKey, { start, end: range.end }, { etag }, signal);
				if (!rest) throw new S3Failure('The object became shorter while it was being read', { status: 416 });
				return rest;
			},
			explain: (failure: S3Failure) => s3Error(failure, this.#place(key)),
			patience: new Patience(this.#settings.retry, this.#requests.watch),
			signal: options.signal,
			...(options.lends && { lends: true }),
		};
		return new ResumableRead(source, { response, start: range.start });
	}

	#inBucket(key: string): string {
		return this.#settings.prefix + key;
	}

	#place(key: string): Place {
		return { settings: this.#settings, storage: this.description, key };
	}

	async #explained<T>(key: string, action: () => Promise<T>): Promise<T> {
		try {
			return await action();
		} catch (error) {
			throw error instanceof S3Failure ? s3Error(error, this.#place(key)) : error;
		}
	}
}
