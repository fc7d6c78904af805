import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

import { isCertificateCode } from '../../certificateCodes';
import { systemCode } from '../folder-errors';
import { textOf } from './xml';

interface Facts {
	status?: number;
	code?: string | undefined;
	region?: string | undefined;
	retryAfterMs?: number | undefined;
	silentMs?: number;
	/** Default true: it is one of this module's own making, or a connection's. */
	isOfS3?: boolean;
	location?: string | undefined;
	clockAheadMs?: number | undefined;
	cause?: unknown;
}

/** A request that failed, in S3's terms; `errors.ts` turns it into a BackupError where it leaves the storage. */
export class S3Failure extends Error {
	override readonly name = 'S3Failure';
	/** HTTP status; undefined where the server did not answer. */
	readonly status: number | undefined;
	/** S3's error code (`NoSuchBucket`) or the system's (`ECONNRESET`). */
	readonly code: string | undefined;
	/** The region that the bucket is in, where the server names it. */
	readonly region: string | undefined;
	/** How long the server asks to wait. */
	readonly retryAfterMs: number | undefined;
	/** How long nothing had moved on the connection when it was given up. */
	readonly silentMs: number;
	/** False where an answer has no sign of S3: it comes from a proxy on the way, or from another server altogether. */
	readonly isOfS3: boolean;
	/** Where a redirect leads. */
	readonly location: string | undefined;
	/** How far this machine's clock is ahead of the server's, where the answer states the time. */
	readonly clockAheadMs: number | undefined;
	/** Times the request was sent. */
	attempts = 1;
	/** How long it had been failing then. */
	outageMs = 0;

	constructor(message: string, facts: Facts) {
		super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
		this.status = facts.status;
		this.code = facts.code;
		this.region = facts.region;
		this.retryAfterMs = facts.retryAfterMs;
		this.silentMs = facts.silentMs ?? 0;
		this.isOfS3 = facts.isOfS3 ?? true;
		this.location = facts.location;
		this.clockAheadMs = facts.clockAheadMs;
	}
}

/** What a server other than S3's answers with, whatever the status. */
export const NOT_S3 = 'NotS3';

const LONGEST_MESSAGE = 300;

/**
 * The failure that an answer reports. Answers to HEAD have no body; MinIO names its code in a header then.
 * @param body of the answer
 */
export function failureOfAnswer(response: IncomingMessage, body: string, now = Date.now()): S3Failure {
	const status = response.statusCode ?? 0;
	const { headers } = response;
	const code = codeIn(body) ?? header(headers, 'x-minio-error-code');
	const date = Date.parse(header(headers, 'date') ?? '');
	return new S3Failure(messageIn(body) ?? `HTTP status ${status}`, {
		status,
		code,
		region: textOf(body, 'Region') ?? header(headers, 'x-amz-bucket-region'),
		retryAfterMs: retryAfterMs(header(headers, 'retry-after'), now),
		isOfS3: code !== undefined || hasSignOfS3(headers),
		location: textOf(body, 'Endpoint') ?? header(headers, 'location'),
		clockAheadMs: Number.isNaN(date) ? undefined : now - date,
	});
}

function codeIn(body: string): string | undefined {
	return /<Error[\s>]/.test(body) ? textOf(body, 'Code') : undefined;
}

/** What the server says, on one line: S3's message, or a proxy's where it is no page. */
function messageIn(body: string): string | undefined {
	const text = textOf(body, 'Message') ?? (/<[a-z!?]/i.test(body) ? undefined : body);
	// eslint-disable-next-line no-control-regex -- these are what must not reach a log
	const line = text?.replace(/[\u0000-\u001f\u007f\s]+/g, ' ').trim();
	if (!line) return undefined;
	return line.length > LONGEST_MESSAGE ? `${line.slice(0, LONGEST_MESSAGE)}...` : line;
}

/** Headers that only S3 servers send: an id of the request, a time of their own, MinIO's and Ceph's. */
export function hasSignOfS3(headers: IncomingHttpHeaders): boolean {
	return Object.keys(headers).some((name) => name.startsWith('x-amz-') || name.startsWith('x-minio-'));
}

/** Seconds or a date (RFC 9110, 10.2.3), as milliseconds from now. */
export function retryAfterMs(text: string | undefined, now: number): number | undefined {
	if (text === undefined) return undefined;
	const wait = /^\s*\d+\s*$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
	return wait > 0 ? wait : undefined;
}

/** An answer that no S3 server gives. @param what about it is wrong, as the end of a sentence */
export function notS3(status: number | undefined, what: string): S3Failure {
	return new S3Failure(what, { status: status ?? 0, code: NOT_S3, isOfS3: false });
}

/** The failure of a request that got no (whole) answer. */
export function failureOfConnection(error: unknown): S3Failure {
	if (error instanceof S3Failure) return error;
	const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
	const message = first instanceof Error ? first.message : String(first);
	return new S3Failure(message, { code: systemCode(first) ?? systemCode(error), cause: error });
}

/** True where the server did not answer at all. */
export function isConnectionFailure(failure: S3Failure): boolean {
	return failure.status === undefined;
}

/** S3's codes for what may go well the next time although its status is a client's error. */
const PASSING_CODES = [
	'RequestTimeout',
	'SlowDown',
	'InternalError',
	'BadDigest',
	'XAmzContentSHA256Mismatch',
	'IncompleteBody',
];

/** True for the failures of a server's certificate. */
export function isCertificateFailure(failure: S3Failure): boolean {
	return isConnectionFailure(failure) && isCertificateCode(failure.code);
}

/** The system's codes, OpenSSL's and the HTTP parser's: the connection broke, or what came was garbled. */
const CONNECTION_CODES = /^(E[A-Z]+|EAI_AGAIN|ERR_STREAM_PREMATURE_CLOSE|ERR_SSL_\w+|HPE_\w+)$/;

/** True where the same request may succeed when sent again. */
export function isPassing(failure: S3Failure): boolean {
	if (isConnectionFailure(failure)) {
		if (isCertificateFailure(failure) || isProtocolMixUp(failure) || isTlsRefusal(failure)) return false;
		return CONNECTION_CODES.test(failure.code ?? '');
	}
	const status = failure.status ?? 0;
	if (PASSING_CODES.includes(failure.code ?? '')) return true;
	if (isFull(failure) || isNotImplemented(failure)) return false;
	return status === 408 || status === 425 || status === 429 || status >= 500;
}

/** True where the server may have done what it was asked, although no good answer came. */
export function isOutcomeUnknown(error: unknown): boolean {
	return !(error instanceof S3Failure) || error.status === undefined || error.status >= 500;
}

/** True where the server says that it cannot do what was asked, not that it failed to. */
export function isNotImplemented(failure: S3Failure): boolean {
	return failure.status === 501 || failure.status === 405 || failure.code === 'NotImplemented';
}

const FULL_CODES =
	/^(InsufficientStorage\w*|XMinio(StorageFull|AdminBucketQuotaExceeded)|\w*(Quota|Storage|Segments?)\w*Exceeded)$/i;
const FULL_MESSAGES =
	/(quota|storage|usage|segments?)\b[^.]{0,40}\b(exceeded|reached|used up)|exceed\w*\b[^.]{0,40}\b(quota|storage|usage limit)|over quota|no space left|insufficient storage|storage (is )?full/i;

/**
 * True where there is no room: a disk, a quota, a cap of the account. Each server has a code of its own, and some say
 * AccessDenied and tell the reason in the message alone (Backblaze: `Cannot upload files, storage cap exceeded`).
 */
export function isFull(failure: S3Failure): boolean {
	const { status = 0, code, message } = failure;
	if (status === 507) return true;
	// These are about too many requests, which passes.
	if (status < 400 || [408, 425, 429, 503].includes(status)) return false;
	return FULL_CODES.test(code ?? '') || (status < 500 && FULL_MESSAGES.test(message));
}

/** HTTPS spoken to an HTTP port. */
export function isProtocolMixUp(failure: S3Failure): boolean {
	return isConnectionFailure(failure) && /wrong version number|packet length too long/.test(failure.message);
}

/** The two cannot agree on how to encrypt, or the server wants a certificate of the client: nothing that passes. */
export function isTlsRefusal(failure: S3Failure): boolean {
	return (
		isConnectionFailure(failure) &&
		/^ERR_SSL_\w*(UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|HANDSHAKE_FAILURE|UNRECOGNIZED_NAME|NO_SHARED_CIPHER|CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNKNOWN_CA)/.test(
			failure.code ?? '',
		)
	);
}

function header(headers: IncomingHttpHeaders, name: string): string | undefined {
	const value = headers[name];
	return typeof value === 'string' ? value : undefined;
}
