import { BackupError } from '../../errors';
import { systemClock } from '../clock';
import { assertPrefix } from '../keys';
import { LARGEST_PART_BYTES, MAX_PARTS } from './part-size';
import type { RetryPolicy } from './retry';
import type { OnNotice } from '../stall';

const MIB = 1024 * 1024;
const DEFAULT_PART_BYTES = 16 * MIB;
/** S3's smallest part (the last one excepted). */
const SMALLEST_PART_BYTES = 5 * MIB;

/** How an S3 server is reached. */
export interface S3ConnectionOptions {
	/** `https://s3.example.com:9000`: protocol, host, port. */
	endpoint: string;
	/** Default us-east-1, which servers without regions expect. */
	region?: string;
	accessKeyId: string;
	secretAccessKey: string;
	sessionToken?: string;
	/** `endpoint/bucket/key` instead of `bucket.endpoint/key`. Default true, as most servers other than AWS need it. */
	forcePathStyle?: boolean;
	/** Accepts any certificate. Default false. */
	ignoreSslIssues?: boolean;
	/** PEM of an authority to trust besides the usual ones. */
	caCertificate?: string;
	/** Bytes of the parts of a multipart upload: 5 MiB to 1 GiB, default 16 MiB; larger ones where the object needs them. */
	partSize?: number;
	/** Parts that the server takes in one upload: 1 to 10,000, default 10,000. OpenStack Swift takes 1,000 by default. */
	maxParts?: number;
	/**
	 * Parts of this size uploaded at once: 1 to 32, default 4. Memory is bounded by (concurrency + 1) of them; of larger
	 * ones there are fewer, but two at least.
	 */
	concurrency?: number;
	retry?: Partial<RetryPolicy>;
	/**
	 * Fires when the run that uses the storage is cancelled: from then on nothing that fails is tried again, and what is asked
	 * without a signal of its own, by a clean-up for instance, gets five seconds.
	 */
	runSignal?: AbortSignal | undefined;
	/** Gets whole sentences, without secrets, while the server is out of reach for longer, and when it is back. */
	onNotice?: OnNotice | undefined;
}

export interface S3StorageOptions extends S3ConnectionOptions {
	bucket: string;
	/** Folder in the bucket that is the storage's root: `backups/production`. */
	prefix?: string;
	/** `STANDARD_IA`, `GLACIER_IR`, ... as the server knows them. */
	storageClass?: string;
	/** Encryption by the server: with its own keys, or with a key of its key management service. */
	serverSideEncryption?: 'AES256' | { kmsKeyId: string };
	/** Keeps what is written from being deleted or replaced for so many days; the bucket must have object lock. */
	objectLock?: { mode: 'GOVERNANCE' | 'COMPLIANCE'; days: number };
}

const DEFAULT_RETRY: RetryPolicy = {
	outageMs: 120_000,
	firstAnswerMs: 30_000,
	baseDelayMs: 500,
	maxDelayMs: 10_000,
	stallMs: 60_000,
	connectTimeoutMs: 10_000,
	random: Math.random,
	clock: systemClock,
};

/** The options with defaults filled in and checked. */
export interface S3Settings {
	host: string;
	port: number;
	secure: boolean;
	region: string;
	accessKeyId: string;
	secretAccessKey: string;
	sessionToken: string | undefined;
	/** Empty for the server itself. */
	bucket: string;
	/** Empty, or with its slash at the end. */
	prefix: string;
	forcePathStyle: boolean;
	ignoreSslIssues: boolean;
	caCertificate: string | undefined;
	partSize: number;
	maxParts: number;
	concurrency: number;
	retry: RetryPolicy;
	runSignal: AbortSignal | undefined;
	onNotice: OnNotice;
}

/** @throws BackupError INVALID_INPUT that names the option */
export function settingsOf(options: S3StorageOptions): S3Settings {
	const { bucket, prefix = '', objectLock } = options;
	const connection = connectionSettings(options);
	assertBucketName(bucket);
	if (objectLock) within('number of days of object lock', objectLock.days, 1, 36_500);
	return { ...connection, bucket, prefix: parsePrefix(prefix) };
}

/** @throws BackupError INVALID_INPUT for what cannot be the name of a bucket, as servers of old allow them */
export function assertBucketName(bucket: string): void {
	if (/^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$/.test(bucket)) return;
	const message = `The bucket name ${JSON.stringify(bucket)} is not valid.`;
	throw invalid(message, 'Give the name alone, without a URL or a folder.');
}

/** Settings for a server, of which no bucket is chosen yet. @throws BackupError INVALID_INPUT that names the option */
export function connectionSettings(options: S3ConnectionOptions): S3Settings {
	const endpoint = parseEndpoint(options.endpoint);
	if (!options.accessKeyId || !options.secretAccessKey) {
		throw invalid('The access key or the secret key is empty.', 'Fill in both in the credential.');
	}
	return {
		...endpoint,
		region: options.region || 'us-east-1',
		accessKeyId: options.accessKeyId,
		secretAccessKey: options.secretAccessKey,
		sessionToken: options.sessionToken || undefined,
		bucket: '',
		prefix: '',
		forcePathStyle: options.forcePathStyle ?? true,
		ignoreSslIssues: options.ignoreSslIssues ?? false,
		caCertificate: options.caCertificate || undefined,
		partSize: within('part size', options.partSize ?? DEFAULT_PART_BYTES, SMALLEST_PART_BYTES, LARGEST_PART_BYTES),
		maxParts: within('number of parts of an upload', options.maxParts ?? MAX_PARTS, 1, MAX_PARTS),
		concurrency: within('number of parts in flight', options.concurrency ?? 4, 1, 32),
		retry: { ...DEFAULT_RETRY, ...options.retry },
		runSignal: options.runSignal,
		onNotice: options.onNotice ?? (() => {}),
	};
}

/** The headers that an object gets when it is created: storage class, encryption and lock. */
export function objectHeaders(options: S3StorageOptions, now: Date): Record<string, string> {
	const headers: Record<string, string> = {};
	if (options.storageClass) headers['x-amz-storage-class'] = options.storageClass;
	const encryption = options.serverSideEncryption;
	if (encryption === 'AES256') {
		headers['x-amz-server-side-encryption'] = 'AES256';
	} else if (encryption) {
		headers['x-amz-server-side-encryption'] = 'aws:kms';
		headers['x-amz-server-side-encryption-aws-kms-key-id'] = encryption.kmsKeyId;
	}
	if (options.objectLock) {
		const until = new Date(now.getTime() + options.objectLock.days * 24 * 60 * 60 * 1000);
		headers['x-amz-object-lock-mode'] = options.objectLock.mode;
		headers['x-amz-object-lock-retain-until-date'] = until.toISOString();
	}
	return headers;
}

function parseEndpoint(endpoint: string): { host: string; port: number; secure: boolean } {
	const hint = 'Give protocol and host, such as https://s3.eu-central-1.amazonaws.com or http://minio:9000.';
	const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
	if (!url || !['http:', 'https:'].includes(url.protocol)) {
		throw invalid('The S3 endpoint is not a URL that begins with http:// or https://.', hint);
	}
	if (url.username || url.password) throw invalid('The S3 endpoint must not hold a user name or a password.', hint);
	if (url.pathname !== '/' || url.search || url.hash) {
		throw invalid('The S3 endpoint must not hold a path; bucket and prefix have fields of their own.', hint);
	}
	const secure = url.protocol === 'https:';
	return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) || (secure ? 443 : 80), secure };
}

/** `https://s3.example.com:9000`: the address of a server as it can be compared. */
export function endpointOf({ host, port, secure }: Pick<S3Settings, 'host' | 'port' | 'secure'>): string {
	return `${secure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function parsePrefix(prefix: string): string {
	const trimmed = prefix.replace(/^\/+|\/+$/g, '');
	assertPrefix(trimmed);
	return trimmed ? `${trimmed}/` : '';
}

function within(what: string, value: number, min: number, max: number): number {
	if (Number.isInteger(value) && value >= min && value <= max) return value;
	throw invalid(`The ${what} is ${value}.`, `Give a whole number from ${min} to ${max}.`);
}

function invalid(message: string, hint: string): BackupError {
	return new BackupError('INVALID_INPUT', message, { hint });
}
