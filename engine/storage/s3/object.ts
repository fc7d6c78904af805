import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

import type { DeletionLock } from '../storage';
import { hasSignOfS3, S3Failure } from './failure';
import { assertRoot, isHtml, type S3Request, type S3Requests } from './requests';

/** What a HEAD says about an object. */
export interface ObjectHead {
	size: number;
	modifiedAt: Date;
	etag: string;
	/** False where the server's encryption makes ETags that are no hash of the content. */
	etagIsHash: boolean;
	/** Missing where the server has no object lock, or the keys do not allow to see it. */
	lock: DeletionLock | undefined;
	/** Missing where the bucket never kept versions; `null` for what was stored while it did not. */
	versionId: string | undefined;
	/** All that was answered. */
	headers: IncomingHttpHeaders;
}

/**
 * Asks for an object's head; undefined where there is none.
 * @param versionId by default of the current one
 * @throws S3Failure
 */
export async function headObject(
	requests: S3Requests,
	key: string,
	signal?: AbortSignal,
	versionId?: string,
): Promise<ObjectHead | undefined> {
	const query: Record<string, string> = versionId === undefined ? {} : { versionId };
	const request = { key, query, signal };
	for (let looks = 1; ; looks++) {
		try {
			return await askHead(requests, request);
		} catch (error) {
			if (!(error instanceof S3Failure)) throw error;
			if (error.status === 404 && error.isOfS3) return undefined;
			const answer = await withReason(requests, request, error);
			const failure = answer === 'there' ? error : answer;
			if (failure.status === 404 && failure.isOfS3 && failure.code !== 'NoSuchBucket') return undefined;
			// Some servers show an object a moment after they have stored it: then it came between the two questions.
			if (answer !== 'there' || looks === LOOKS) throw failure;
		}
	}
}

/** How often HEAD is asked where GET finds what HEAD does not. */
const LOOKS = 3;

type HeadRequest = Pick<S3Request, 'key' | 'query' | 'signal'> & { key: string };

async function askHead(requests: S3Requests, request: HeadRequest): Promise<ObjectHead> {
	const { headers } = await requests.send({ method: 'HEAD', ...request });
	if (isDoubtful(headers)) await assertS3(requests, request.key, request.signal);
	return {
		size: Number(headers['content-length']),
		modifiedAt: new Date(headers['last-modified'] ?? Date.now()),
		etag: etagOf(headers),
		etagIsHash: etagIsHash(headers),
		lock: lockOf(headers),
		versionId: headers['x-amz-version-id'] as string | undefined,
		headers,
	};
}

/** An ETag without its quotation marks. */
export function etagOf(headers: IncomingHttpHeaders): string {
	return (headers.etag ?? '').replace(/^W\//, '').replace(/"/g, '');
}

/**
 * Retention and legal hold, which servers with object lock tell in the answers to HEAD
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html). A date that is over is none.
 */
function lockOf(headers: IncomingHttpHeaders): DeletionLock | undefined {
	const until = new Date(String(headers['x-amz-object-lock-retain-until-date'] ?? NaN));
	const legalHold = headers['x-amz-object-lock-legal-hold'] === 'ON';
	if (until.getTime() > Date.now()) return { until, legalHold };
	return legalHold ? { legalHold } : undefined;
}

/**
 * ETags are MD5s of the content unless the server encrypts with keys of a key management service or of the client
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html, ETag).
 */
export function etagIsHash(headers: IncomingHttpHeaders): boolean {
	const encryption = headers['x-amz-server-side-encryption'];
	if (headers['x-amz-server-side-encryption-customer-algorithm']) return false;
	return encryption === undefined || encryption === 'AES256';
}

/**
 * Compares what the server says it stored with what was sent.
 * @param md5 of what was sent
 * @throws S3Failure BadDigest, which is worth another attempt
 */
export function assertStored(headers: IncomingHttpHeaders, md5: Buffer): void {
	if (!tellsMd5(headers) || isStoredWith(headers, md5)) return;
	throw new S3Failure('The server stored other bytes than were sent', { code: 'BadDigest', status: 400 });
}

/** Whether an answer proves by its ETag that the server has bytes of this MD5; one that tells no hash proves nothing. */
export function isStoredWith(headers: IncomingHttpHeaders, md5: Buffer): boolean {
	return tellsMd5(headers) && etagOf(headers).toLowerCase() === md5.toString('hex');
}

function tellsMd5(headers: IncomingHttpHeaders): boolean {
	return etagIsHash(headers) && /^[0-9a-f]{32}$/i.test(etagOf(headers));
}

export function md5Of(bytes: Uint8Array): Buffer {
	return createHash('md5').update(bytes).digest();
}

/** Every object of S3 has an ETag; and no archive is a web page. Some web servers answer to any address with one. */
export function isDoubtful(headers: IncomingHttpHeaders): boolean {
	return !hasSignOfS3(headers) && (headers.etag === undefined || isHtml(headers));
}

/** Asks for what only an S3 server can answer. @throws S3Failure NotS3 where it does not */
export async function assertS3(requests: S3Requests, key: string, signal?: AbortSignal): Promise<void> {
	const query = { 'list-type': '2', 'max-keys': '1', prefix: key };
	try {
		assertRoot(await requests.send({ method: 'GET', query, signal }), 'ListBucketResult');
	} catch (error) {
		// It may refuse as S3 does.
		if (!(error instanceof S3Failure) || !error.isOfS3) throw error;
	}
}

/** Answers to HEAD have no body and so no reason; a GET of one byte has, unless it finds the object there. */
async function withReason(
	requests: S3Requests,
	request: HeadRequest,
	failure: S3Failure,
): Promise<S3Failure | 'there'> {
	if (failure.status === undefined || failure.status >= 500) return failure;
	try {
		const response = await requests.open({ ...request, method: 'GET', headers: { range: 'bytes=0-0' } });
		response.destroy();
		return 'there';
	} catch (error) {
		if (!(error instanceof S3Failure)) return failure;
		// What an empty object answers, which has no first byte.
		return error.status === 416 && error.isOfS3 ? 'there' : error;
	}
}
