import type { IncomingMessage } from 'node:http';

import { isCertificateCode } from '../../certificateCodes';
import { systemCode } from '../folder-errors';
import { textOf } from './xml';

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
	/** Times the request was sent. */
	attempts = 1;

	constructor(
		message: string,
		facts: { status?: number; code?: string; region?: string; retryAfterMs?: number; cause?: unknown },
	) {
		super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
		this.status = facts.status;
		this.code = facts.code;
		this.region = facts.region;
		this.retryAfterMs = facts.retryAfterMs;
	}
}

/**
 * The failure that an answer tells of. Answers to HEAD have no body; MinIO names its code in a header then.
 * @param xml the answer's body
 */
export function failureOfAnswer(response: IncomingMessage, xml: string): S3Failure {
	const status = response.statusCode ?? 0;
	const code = textOf(xml, 'Code') ?? header(response, 'x-minio-error-code');
	const retryAfter = Number(header(response, 'retry-after'));
	return new S3Failure(textOf(xml, 'Message') ?? `HTTP status ${status}`, {
		status,
		code,
		region: textOf(xml, 'Region') ?? header(response, 'x-amz-bucket-region'),
		retryAfterMs: retryAfter > 0 ? retryAfter * 1000 : undefined,
	});
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
		return CONNECTION_CODES.test(failure.code ?? '') && !isCertificateFailure(failure) && !isProtocolMixUp(failure);
	}
	const status = failure.status ?? 0;
	if (PASSING_CODES.includes(failure.code ?? '')) return true;
	return status === 408 || status === 429 || (status >= 500 && !isNotImplemented(failure));
}

/** True where the server may have done what it was asked, although no good answer came. */
export function isOutcomeUnknown(error: unknown): boolean {
	return !(error instanceof S3Failure) || error.status === undefined || error.status >= 500;
}

/** True where the server says that it cannot do what was asked, not that it failed to. */
export function isNotImplemented(failure: S3Failure): boolean {
	return failure.status === 501 || failure.status === 405 || failure.code === 'NotImplemented';
}

/** HTTPS spoken to an HTTP port. */
export function isProtocolMixUp(failure: S3Failure): boolean {
	return isConnectionFailure(failure) && /wrong version number|packet length too long/.test(failure.message);
}

function header(response: IncomingMessage, name: string): string | undefined {
	const value = response.headers[name];
	return typeof value === 'string' ? value : undefined;
}
