/** One bucket: its objects, their tags, its configuration. Every failure comes out as a BackupError that names bucket and server. */
import { BackupError } from '../../errors';
import { BatchDelete } from '../../storage/s3/batch-delete';
import { CreateOnly } from '../../storage/s3/conditional';
import { S3Failure } from '../../storage/s3/failure';
import { etagOf, headObject } from '../../storage/s3/object';
import { openRange } from '../../storage/s3/range';
import type { S3Requests } from '../../storage/s3/requests';
import { ResumableRead } from '../../storage/s3/resumable-read';
import { Patience } from '../../storage/s3/retry';
import { attributesIn, type ObjectAttributes } from './attributes';
import { readConfiguration, writeConfiguration, type ConfigurationName, type ReadConfiguration } from './configuration';
import { copyObject, type CopyOptions } from './copy';
import { clientError, isObjectChanged, type Role } from './errors';
import { listBucket, type ListedObject, type ListOptions } from './listing';
import { putObject, type PutContext, type PutOptions } from './put';
import { TagCalls, type Tags } from './tags';

/** What a HEAD or a GET tells of an object. */
export interface ObjectFacts {
	/** Bytes. */
	size: number;
	/** Milliseconds since 1970, to the second. */
	modifiedAt: number;
	/** Without quotation marks. */
	etag: string;
	/** False where the server's encryption makes ETags that are no hash of the content. */
	etagIsHash: boolean;
	/** Missing where the bucket never kept versions. */
	versionId?: string;
	/** Without tags. */
	attributes: ObjectAttributes;
	/** How many tags it has, where that is told to the keys: see `TELL_TAG_COUNT`. */
	tagCount?: number;
}

/** An object that was opened. */
export interface OpenedObject {
	facts: ObjectFacts;
	/**
	 * Its bytes. A connection that breaks is made again, and they go on where they were, as long as it is still the same object;
	 * isObjectChanged tells the error of one that was replaced.
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
	signal?: AbortSignal | undefined;
}

export class Bucket {
	readonly name: string;
	readonly #requests: S3Requests;
	readonly #role: Role;
	readonly #context: PutContext;
	readonly #deletions: BatchDelete;

	constructor(requests: S3Requests, role: Role) {
		this.name = requests.settings.bucket;
		this.#requests = requests;
		this.#role = role;
		this.#context = {
			requests,
			createOnly: new CreateOnly(requests),
			tags: new TagCalls(requests),
			refused: new Set(),
		};
		this.#deletions = new BatchDelete(requests);
	}

	/** Every object, each once, in the order of compareNames. @throws BackupError SOURCE_FAILED where the list cannot be relied upon */
	async *list(options: ListOptions = {}): AsyncGenerator<ListedObject> {
		try {
			yield* listBucket(this.#requests, options);
		} catch (error) {
			throw clientError(error, this.#role, this.#requests.settings);
		}
	}

	/** Undefined where there is none. */
	async head(key: string, signal?: AbortSignal): Promise<ObjectFacts | undefined> {
		return await this.#explained(key, async () => {
			const head = await headObject(this.#requests, key, signal);
			return head && factsOf(head.headers, head.size);
		});
	}

	/** Undefined where there is none. @throws BackupError; see isObjectChanged */
	async open(key: string, options: OpenOptions = {}): Promise<OpenedObject | undefined> {
		const { start = 0, end, etag, signal } = options;
		return await this.#explained(key, async () => {
			try {
				const response = await openRange(this.#requests, key, { start, end }, etag, signal);
				// An empty object has no range.
				if (!response) {
					const head = await headObject(this.#requests, key, signal);
					return head && { facts: factsOf(head.headers, head.size), bytes: nothing(), close: () => {} };
				}
				const found = etagOf(response.headers);
				const bytes = new ResumableRead(
					{
						open: async (from, _etag, readSignal) => {
							const rest = found && (await openRange(this.#requests, key, { start: from, end }, found, readSignal));
							if (!rest) throw new S3Failure('The object was replaced', { status: 412, code: 'ObjectChanged' });
							return rest;
						},
						explain: (failure) =>
							isObjectChanged(failure)
								? failure
								: (clientError(failure, this.#role, this.#requests.settings, key) as Error),
						patience: new Patience(this.#requests.settings.retry, this.#requests.watch),
						signal,
					},
					{ response, start },
				);
				const length = Number(response.headers['content-length']);
				const total = /\/(\d+)$/.exec(response.headers['content-range'] ?? '')?.[1];
				return { facts: factsOf(response.headers, Number(total ?? length)), bytes, close: () => void bytes.destroy() };
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
		return await this.#explained(key, async () => await putObject(this.#context, key, content, options));
	}

	/**
	 * Copies an object of this server to a key of this bucket, over one that may be there.
	 * @returns its ETag; undefined where the server cannot
	 * @throws BackupError; see isObjectChanged
	 */
	async copy(key: string, options: CopyOptions): Promise<string | undefined> {
		return await this.#explained(key, async () => await copyObject(this.#requests, key, options));
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

	/** Undefined where the server has no tags, or the object is gone. */
	async tags(key: string, signal?: AbortSignal): Promise<Tags | undefined> {
		return await this.#explained(key, async () => await this.#context.tags.get(key, signal));
	}

	/** False where the server has no tags. */
	async setTags(key: string, tags: Tags, signal?: AbortSignal): Promise<boolean> {
		return await this.#explained(key, async () => await this.#context.tags.set(key, tags, signal));
	}

	/** Whether the server was found to have no tags of objects. */
	get hasNoTags(): boolean {
		return this.#context.tags.isUnsupported;
	}

	async configuration(signal?: AbortSignal): Promise<ReadConfiguration> {
		return await this.#explained('', async () => await readConfiguration(this.#requests, signal));
	}

	/** False where the server has no such thing. */
	async configure(name: ConfigurationName, document: string, signal?: AbortSignal): Promise<boolean> {
		return await this.#explained('', async () => await writeConfiguration(this.#requests, name, document, signal));
	}

	/** Whether the bucket keeps older versions of objects: `Enabled`, `Suspended`, or undefined where it never did. */
	async versioning(signal?: AbortSignal): Promise<'Enabled' | 'Suspended' | undefined> {
		const { versioning = '' } = (await this.configuration(signal)).configuration;
		return /<Status>\s*(Enabled|Suspended)\s*</.exec(versioning)?.[1] as 'Enabled' | 'Suspended' | undefined;
	}

	async #explained<T>(key: string, action: () => Promise<T>): Promise<T> {
		try {
			return await action();
		} catch (error) {
			throw isObjectChanged(error) ? error : clientError(error, this.#role, this.#requests.settings, key);
		}
	}
}

function factsOf(headers: Parameters<typeof attributesIn>[0], size: number): ObjectFacts {
	const versionId = headers['x-amz-version-id'];
	const tagCount = headers['x-amz-tagging-count'];
	const encryption = headers['x-amz-server-side-encryption'];
	return {
		size,
		modifiedAt: Date.parse(headers['last-modified'] ?? '') || 0,
		etag: etagOf(headers),
		etagIsHash:
			!headers['x-amz-server-side-encryption-customer-algorithm'] &&
			(encryption === undefined || encryption === 'AES256'),
		...(typeof versionId === 'string' && { versionId }),
		attributes: attributesIn(headers),
		...(typeof tagCount === 'string' && { tagCount: Number(tagCount) }),
		...(tagCount === undefined && TELL_TAG_COUNT.test(String(headers['server'] ?? '')) && { tagCount: 0 }),
	};
}

/** Servers that say how many tags an object has, to whom may read them, and say nothing where there are none. */
const TELL_TAG_COUNT = /^(MinIO|AmazonS3)\b/;

function isNoObject(error: unknown): boolean {
	return error instanceof S3Failure && error.isOfS3 && error.status === 404 && error.code !== 'NoSuchBucket';
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
