/** One bucket: its objects, their tags, its configuration. Every failure comes out as a BackupError that names bucket and server. */
import type { IncomingHttpHeaders } from 'node:http';

import { BackupError } from '../../errors';
import type { StorageFeatures } from '../../storage/features';
import { BatchDelete } from '../../storage/s3/batch-delete';
import { CreateOnly } from '../../storage/s3/conditional';
import { S3Failure } from '../../storage/s3/failure';
import { lockOf, tryFeatures } from '../../storage/s3/features';
import { etagOf, headObject } from '../../storage/s3/object';
import { openRange } from '../../storage/s3/range';
import type { S3Requests } from '../../storage/s3/requests';
import { ResumableRead } from '../../storage/s3/resumable-read';
import { Patience } from '../../storage/s3/retry';
import type { ListedUpload } from '../../storage/s3/listing';
import { isGoingOn, uploadsBefore } from '../../storage/s3/unfinished';
import { readConfiguration, writeConfiguration, type ConfigurationName, type ReadConfiguration } from './configuration';
import { copyObject, type CopyOptions } from './copy';
import { clientError, isObjectChanged, type Role } from './errors';
import { listPages, type ListOptions } from './listing';
import type { ListedObject } from './page';
import { assertAsListed, factsOf, type AsListed, type ObjectFacts } from './objectFacts';
import { prefixesOf } from './prefixes';
import { KeysBelow } from './keysBelow';
import { KeysKept } from './keysKept';
import { putObject, putTags, type KeyOptions, type PutContext, type PutOptions } from './put';
import { putRanges, takesRanges, type Ranges } from './putRanges';
import { TagCalls, type Tags } from './tags';
import { listVersions, type KeyVersions, type VersionListOptions } from './versions';

/** An object that was opened. */
export interface OpenedObject {
	facts: ObjectFacts;
	/**
	 * Its bytes. A connection that breaks is made again, and they go on where they were, as long as it is still the same object;
	 * isObjectChanged tells the error of one that was replaced. Lent (storage/lent.ts).
	 */
	bytes: AsyncIterable<Uint8Array>;
	close(): void;
}

export interface OpenOptions {
	/** First byte wanted, and the byte after the last one. */
	start?: number;
	end?: number;
	/** The object that is meant: another one under the key is an error that isObjectChanged tells. */
	etag?: string;
	/** What a list says of the object: it has so many bytes as long as it has this ETag. */
	listed?: AsListed;
	/** The version, where the bucket keeps versions; by default the current one. */
	versionId?: string;
	signal?: AbortSignal | undefined;
}

export class Bucket {
	readonly name: string;
	readonly #requests: S3Requests;
	readonly #role: Role;
	readonly #context: PutContext;
	readonly #deletions: BatchDelete;
	readonly #kept: KeysKept;
	readonly #below: KeysBelow;

	constructor(requests: S3Requests, role: Role) {
		this.name = requests.settings.bucket;
		this.#requests = requests;
		this.#role = role;
		this.#context = {
			requests,
			createOnly: new CreateOnly(requests),
			tags: new TagCalls(requests),
			refused: new Set(),
			buffers: [],
		};
		this.#deletions = new BatchDelete(requests);
		this.#kept = new KeysKept(requests);
		this.#below = new KeysBelow(requests);
	}

	/** Every object, each once, in the order of compareNames. @throws BackupError SOURCE_FAILED where the list cannot be relied upon */
	async *list(options: ListOptions = {}): AsyncGenerator<ListedObject> {
		for await (const objects of this.listPages(options)) yield* objects;
	}

	/** The same by pages, for lists that may be of a million objects. @throws as `list` */
	async *listPages(options: ListOptions = {}): AsyncGenerator<Iterable<ListedObject>> {
		try {
			yield* listPages(this.#requests, options);
		} catch (error) {
			throw clientError(error, this.#role, this.#requests.settings);
		}
	}

	/** What keys begin with, up to the next slash; of many, maybe not all. */
	async prefixes(beginning?: string, signal?: AbortSignal): Promise<string[]> {
		return await this.#explained(
			'',
			async () => await prefixesOf(this.#requests, { ...(beginning && { beginning }), signal }),
		);
	}

	/**
	 * Every version of every object, and every delete marker, in the order of keys.
	 * @throws BackupError SOURCE_FAILED where the list cannot be relied upon
	 */
	async *listVersions(options: VersionListOptions = {}): AsyncGenerator<KeyVersions> {
		try {
			yield* listVersions(this.#requests, options);
		} catch (error) {
			throw clientError(error, this.#role, this.#requests.settings);
		}
	}

	/** Undefined where there is none. @param versionId by default of the current one */
	async head(key: string, signal?: AbortSignal, versionId?: string): Promise<ObjectFacts | undefined> {
		return await this.#explained(key, async () => {
			const head = await headObject(this.#requests, key, signal, versionId);
			return head && factsOf(head.headers, head.size);
		});
	}

	/**
	 * Bytes of the parts that an object was uploaded in, all but the last of one size; undefined where it was not, or the server does not tell.
	 * @param etag what it must still have
	 */
	async partBytes(
		key: string,
		{ size, etag }: Pick<ObjectFacts, 'size' | 'etag'>,
		signal?: AbortSignal,
	): Promise<number | undefined> {
		const parts = Number(/^[0-9a-f]{32}-([1-9][0-9]{0,4})$/.exec(etag)?.[1] ?? 0);
		if (parts < 1) return undefined;
		const query = { partNumber: '1' };
		try {
			const { headers } = await this.#requests.send({ method: 'HEAD', key, query, signal });
			const bytes = Number(headers['content-length']);
			const isCutSo = etagOf(headers) === etag && bytes > 0 && Math.ceil(size / bytes) === parts;
			return isCutSo ? bytes : undefined;
		} catch (error) {
			if (error instanceof S3Failure) return undefined;
			throw error;
		}
	}

	/**
	 * Undefined where there is none.
	 * @throws BackupError, also where the answer has fewer or more bytes than the list says of the same object: caches keep the
	 * beginning of an object and take it for all of it; see isObjectChanged
	 */
	async open(key: string, options: OpenOptions = {}): Promise<OpenedObject | undefined> {
		const { start = 0, end, etag, versionId, listed, signal } = options;
		return await this.#explained(key, async () => {
			try {
				const response = await openRange(this.#requests, key, { start, end }, { etag, versionId }, signal);
				// An empty object has no range.
				if (!response) {
					const head = await headObject(this.#requests, key, signal, versionId);
					return head && { facts: factsOf(head.headers, head.size), bytes: nothing(), close: () => {} };
				}
				const found = etagOf(response.headers);
				const bytes = new ResumableRead(
					{
						open: async (from, _etag, readSignal) => {
							const meant = { etag: found, versionId };
							const rest = found && (await openRange(this.#requests, key, { start: from, end }, meant, readSignal));
							if (!rest) throw new S3Failure('The object was replaced', { status: 412, code: 'ObjectChanged' });
							return rest;
						},
						explain: (failure) =>
							isObjectChanged(failure)
								? failure
								: (clientError(failure, this.#role, this.#requests.settings, key) as Error),
						patience: new Patience(this.#requests.settings.retry, this.#requests.watch),
						signal,
						lends: true,
					},
					{ response, start },
				);
				const close = () => void bytes.destroy();
				try {
					const facts = factsOf(response.headers, await this.#sizeOf(key, response.headers, signal));
					assertAsListed(facts, listed);
					return { facts, bytes, close };
				} catch (error) {
					close();
					throw error;
				}
			} catch (error) {
				if (isNoObject(error)) return undefined;
				throw error;
			}
		});
	}

	/**
	 * Stores an object of known size. Where `replaces` is not set, an object that is there is left as it is.
	 * @returns its ETag
	 * @throws BackupError TARGET_EXISTS, what the content throws, CANCELLED
	 */
	async put(key: string, content: AsyncIterable<Uint8Array>, options: PutOptions): Promise<string> {
		return await this.#explained(key, async () => {
			return await this.#held(key, options, async () => await putObject(this.#context, key, content, options));
		});
	}

	/**
	 * Stores an object over one that may be there, with nothing of its content held in memory.
	 * @returns its ETag; undefined where the server was found not to take that, and the content is for `put`
	 * @throws what the content throws, CANCELLED
	 */
	async putRanges(key: string, ranges: Ranges, options: PutOptions): Promise<string | undefined> {
		return await this.#explained(key, async () => {
			return await this.#held(key, options, async () => await putRanges(this.#context, key, ranges, options));
		});
	}

	/** Whether `putRanges` works, as far as that is known. */
	get takesRanges(): boolean {
		return takesRanges(this.#context);
	}

	/**
	 * Copies an object of this server to a key of this bucket, over one that may be there.
	 * @returns its ETag; undefined where the server cannot
	 * @throws BackupError; see isObjectChanged
	 */
	async copy(key: string, options: CopyOptions): Promise<string | undefined> {
		return await this.#explained(key, async () => {
			return await this.#held(key, options, async () => await copyObject(this.#context, key, options));
		});
	}

	/**
	 * Removes objects, by the thousand where the server takes that.
	 * @returns those that could not be removed; the others are gone, or were not there
	 */
	async remove(keys: readonly string[], signal?: AbortSignal): Promise<{ key: string; error: BackupError }[]> {
		const failures: { key: string; error: BackupError }[] = [];
		await this.#deletions.remove(
			keys,
			(key, failure) => {
				const error = clientError(failure, this.#role, this.#requests.settings, key);
				if (!(error instanceof BackupError) || error.code.endsWith('UNREACHABLE')) throw error;
				failures.push({ key, error });
			},
			signal,
		);
		return failures;
	}

	/** Unfinished uploads below a prefix that were begun before a time; none where the server lists none. @throws BackupError */
	async unfinishedUploads(prefix: string, before: Date, signal?: AbortSignal): Promise<ListedUpload[]> {
		return await this.#explained('', async () => await uploadsBefore(this.#requests, prefix, before, signal));
	}

	/**
	 * Gives up an unfinished upload, also of another run, unless it has got a part since a time; fine where it is gone.
	 * @returns false for one that goes on
	 * @throws BackupError
	 */
	async giveUpStale(upload: ListedUpload, since: Date, signal?: AbortSignal): Promise<boolean> {
		const { key, uploadId } = upload;
		return await this.#explained(key, async () => {
			if (await isGoingOn(this.#requests, upload, since, signal)) return false;
			try {
				await this.#requests.send({ method: 'DELETE', key, query: { uploadId }, signal });
			} catch (error) {
				if (!isNoObject(error)) throw error;
			}
			return true;
		});
	}

	/** Undefined where the server has no tags, or the object is gone. @param versionId by default of the current one */
	async tags(key: string, signal?: AbortSignal, versionId?: string): Promise<Tags | undefined> {
		return await this.#explained(key, async () => await this.#context.tags.get(key, signal, versionId));
	}

	/** Gives an object that is there the tags among its attributes. @throws BackupError */
	async tag(key: string, options: Pick<PutOptions, 'attributes' | 'signal' | 'onLeftOut'>): Promise<void> {
		await this.#explained(key, async () => await putTags(this.#context, key, options));
	}

	/** Whether the server was found to have no tags of objects. */
	get hasNoTags(): boolean {
		return this.#context.tags.isUnsupported;
	}

	/** @param names which documents; all by default */
	async configuration(signal?: AbortSignal, names?: readonly ConfigurationName[]): Promise<ReadConfiguration> {
		return await this.#explained('', async () => await readConfiguration(this.#requests, signal, names));
	}

	/** False where the server has no such thing. */
	async configure(name: ConfigurationName, document: string, signal?: AbortSignal): Promise<boolean> {
		return await this.#explained('', async () => await writeConfiguration(this.#requests, name, document, signal));
	}

	/** Whether the bucket keeps older versions of objects: `Enabled`, `Suspended`, or undefined where it never did. */
	async versioning(signal?: AbortSignal): Promise<'Enabled' | 'Suspended' | undefined> {
		const { versioning = '' } = (await this.configuration(signal, ['versioning'])).configuration;
		return /<Status>\s*(Enabled|Suspended)\s*</.exec(versioning)?.[1] as 'Enabled' | 'Suspended' | undefined;
	}

	/** What the server's clock showed while it answered; undefined where it does not tell. */
	async now(signal?: AbortSignal): Promise<Date | undefined> {
		return await this.#explained('', async () => {
			const { headers } = await this.#requests.send({
				method: 'GET',
				query: { 'list-type': '2', 'max-keys': '1' },
				...(signal && { signal }),
			});
			const at = new Date(headers.date ?? NaN);
			return Number.isNaN(at.getTime()) ? undefined : at;
		});
	}

	/** Tries what servers and keys do differently when they are written to: see `tryFeatures`. @param scratch the beginning of keys that nobody else uses */
	async features(scratch: string, signal?: AbortSignal): Promise<StorageFeatures> {
		return await this.#explained('', async () => await tryFeatures(this.#requests, scratch, {}, signal));
	}

	/** Whether it has object lock, and locks by itself what is stored; nothing where the keys may not ask. */
	async lock(signal?: AbortSignal): Promise<Pick<StorageFeatures, 'objectLock' | 'locksAll'>> {
		return await this.#explained('', async () => await lockOf(this.#requests, signal));
	}

	/** Bytes of the whole object. What comes in chunks has no length; the answer to HEAD has it all the same. */
	async #sizeOf(key: string, headers: IncomingHttpHeaders, signal: AbortSignal | undefined): Promise<number> {
		const total = /\/(\d+)$/.exec(headers['content-range'] ?? '')?.[1] ?? headers['content-length'];
		if (total !== undefined) return Number(total);
		const head = await headObject(this.#requests, key, signal);
		return head && head.etag === etagOf(headers) ? head.size : NaN;
	}

	/** Writes under a key, where the server can hold that. @throws KeyNotTaken */
	async #held<T>(key: string, { below, signal }: KeyOptions, write: () => Promise<T>): Promise<T> {
		return await this.#below.listed(key, below, async () => await this.#kept.kept(key, write, signal), signal);
	}

	async #explained<T>(key: string, action: () => Promise<T>): Promise<T> {
		try {
			return await action();
		} catch (error) {
			throw isObjectChanged(error) ? error : clientError(error, this.#role, this.#requests.settings, key);
		}
	}
}

function isNoObject(error: unknown): boolean {
	return error instanceof S3Failure && error.isOfS3 && error.status === 404 && error.code !== 'NoSuchBucket';
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
