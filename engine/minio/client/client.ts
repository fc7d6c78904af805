/** An S3 server: MinIO, AWS or any other. It says which buckets there are, makes new ones, and gives access to them. */
import { type BackupError, throwIfCancelled } from '../../errors';
import { S3Failure } from '../../storage/s3/failure';
import { assertBucketName, connectionSettings, endpointOf, type S3ConnectionOptions } from '../../storage/s3/options';
import { assertRoot, S3Requests } from '../../storage/s3/requests';
import { elements, textOf } from '../../storage/s3/xml';
import { Bucket } from './bucket';
import { clientError, type Role } from './errors';

export interface ListedBucket {
	name: string;
	/** Milliseconds since 1970; missing where the server does not tell. */
	createdAt?: number;
}

/** A page has a thousand buckets or more; AWS gives an account a million at most. */
const MOST_PAGES = 10_000;
const ENDED = /<\/ListAllMyBucketsResult>\s*$|<ListAllMyBucketsResult[^>]*\/>\s*$/;

export class S3Client {
	/** `https://s3.example.com:9000`: what series go by. */
	readonly endpoint: string;
	/** The same for clients that may do the same: endpoint and access key. Not for messages. */
	readonly access: string;
	/** Bytes of the parts of an upload, and how many are sent at once. */
	readonly uploads: { readonly partSize: number; readonly concurrency: number };
	readonly #requests: S3Requests;
	readonly #role: Role;

	/**
	 * @param role what the server is for, for errors
	 * @throws BackupError INVALID_INPUT that names the setting
	 */
	constructor(options: S3ConnectionOptions, role: Role) {
		const settings = connectionSettings(options);
		this.#requests = new S3Requests(settings);
		this.#role = role;
		this.endpoint = endpointOf(settings);
		const { partSize, concurrency } = settings;
		this.uploads = { partSize, concurrency };
		this.access = `${this.endpoint} ${settings.accessKeyId}`;
	}

	/** @throws BackupError INVALID_INPUT for what is no name of a bucket */
	bucket(name: string): Bucket {
		assertBucketName(name);
		return new Bucket(this.#requests.inBucket(name), this.#role);
	}

	/**
	 * All buckets that the keys may see, by name.
	 * @throws BackupError ACCESS_DENIED where they may not list them, and where the list cannot be relied upon: a backup of all
	 * buckets would silently leave some out
	 */
	async buckets(signal?: AbortSignal): Promise<ListedBucket[]> {
		throwIfCancelled(signal);
		const found: ListedBucket[] = [];
		const tokens = new Set<string>();
		let token: string | undefined;
		try {
			for (;;) {
				const query: Record<string, string> = token === undefined ? {} : { 'continuation-token': token };
				const answer = await this.#requests.send({ method: 'GET', query, signal });
				assertRoot(answer, 'ListAllMyBucketsResult');
				if (!ENDED.test(answer.text)) throw unreliable('it breaks off before its end');
				for (const item of elements(answer.text, 'Bucket')) {
					const createdAt = Date.parse(textOf(item, 'CreationDate') ?? '');
					found.push({ name: textOf(item, 'Name') ?? '', ...(!Number.isNaN(createdAt) && { createdAt }) });
				}
				token = textOf(answer.text, 'ContinuationToken') || undefined;
				if (token === undefined) break;
				if (tokens.has(token) || tokens.size >= MOST_PAGES) throw unreliable('it repeats its pages');
				tokens.add(token);
			}
		} catch (error) {
			throw this.#explained(error);
		}
		return found.sort((a, b) => (a.name < b.name ? -1 : 1));
	}

	/** Whether a bucket is there. One that belongs to somebody else is an error. */
	async exists(name: string, signal?: AbortSignal): Promise<boolean> {
		assertBucketName(name);
		const requests = this.#requests.inBucket(name);
		try {
			await requests.send({ method: 'HEAD', signal });
			return true;
		} catch (error) {
			if (error instanceof S3Failure && error.isOfS3 && error.status === 404) return false;
			const reason = await this.#withReason(requests, error, signal);
			if (reason instanceof S3Failure && reason.code === 'NoSuchBucket') return false;
			throw clientError(reason, this.#role, requests.settings);
		}
	}

	/** Makes a bucket; false where it is there already, and one's own. */
	async createBucket(name: string, signal?: AbortSignal): Promise<boolean> {
		assertBucketName(name);
		const requests = this.#requests.inBucket(name);
		const { region } = requests.settings;
		const body =
			region === 'us-east-1'
				? undefined
				: Buffer.from(
						`<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LocationConstraint>${region}</LocationConstraint></CreateBucketConfiguration>`,
					);
		try {
			await requests.send({ method: 'PUT', ...(body && { body }), signal });
			return true;
		} catch (error) {
			if (error instanceof S3Failure && error.code === 'BucketAlreadyOwnedByYou') return false;
			throw clientError(error, this.#role, requests.settings);
		}
	}

	/** Removes an empty bucket; fine where there is none. */
	async removeBucket(name: string, signal?: AbortSignal): Promise<void> {
		const requests = this.#requests.inBucket(name);
		try {
			await requests.send({ method: 'DELETE', signal });
		} catch (error) {
			if (error instanceof S3Failure && error.code === 'NoSuchBucket') return;
			throw clientError(error, this.#role, requests.settings);
		}
	}

	/** Closes idle connections; the client can be used again. */
	close(): void {
		this.#requests.close();
	}

	/** A HEAD has no body, and so no reason; a list has. */
	async #withReason(requests: S3Requests, error: unknown, signal: AbortSignal | undefined): Promise<unknown> {
		if (!(error instanceof S3Failure) || error.status === undefined || error.status >= 500) return error;
		try {
			await requests.send({ method: 'GET', query: { 'list-type': '2' }, signal });
			return error;
		} catch (reason) {
			return reason;
		}
	}

	#explained(error: unknown): BackupError {
		return clientError(error, this.#role, this.#requests.settings) as BackupError;
	}
}

function unreliable(problem: string): S3Failure {
	return new S3Failure(`Its list of buckets cannot be relied upon: ${problem}`, {
		status: 200,
		code: 'InvalidListing',
	});
}
