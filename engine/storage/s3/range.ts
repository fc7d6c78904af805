import type { IncomingMessage } from 'node:http';

import { S3Failure } from './failure';
import { assertS3, etagOf, isDoubtful } from './object';
import type { S3Request, S3Requests } from './requests';

export interface ByteRange {
	start: number;
	/** The byte after the last one wanted; undefined for the end of the object. */
	end: number | undefined;
}

/** Which object of a key is meant. */
export interface MeantObject {
	/** That it must still have. */
	etag?: string | undefined;
	/** The version, where the bucket keeps versions; without it, the current one. */
	versionId?: string | undefined;
}

/**
 * Asks for an object or a range of it; undefined where the range holds no byte of the object.
 * @throws S3Failure; BackupError CANCELLED
 */
export async function openRange(
	requests: S3Requests,
	key: string,
	range: ByteRange,
	{ etag, versionId }: MeantObject,
	signal: AbortSignal | undefined,
): Promise<IncomingMessage | undefined> {
	const isWhole = range.start === 0 && range.end === undefined;
	const isEmpty = range.end !== undefined && range.end <= range.start;
	const headers: Record<string, string> = {};
	if (etag) headers['if-match'] = `"${etag}"`;
	// A range cannot be empty; asking for one byte shows whether the object exists.
	if (isEmpty) headers.range = 'bytes=0-0';
	else if (!isWhole) headers.range = `bytes=${range.start}-${range.end === undefined ? '' : range.end - 1}`;
	const query: Record<string, string> = versionId === undefined ? {} : { versionId };
	const response = await openOrNothing(requests, { method: 'GET', key, query, headers, signal });
	if (response && isDoubtful(response.headers)) {
		await assertS3(requests, key, signal).catch((error: unknown) => {
			response.destroy();
			throw error;
		});
	}
	if (isEmpty) response?.destroy();
	if (isEmpty || !response) return undefined;
	// Not every server and cache heeds If-Match.
	const found = etagOf(response.headers);
	if (etag && found && found !== etag) {
		response.destroy();
		throw changed();
	}
	if (isWhole || isAsAsked(response, range)) return response;
	response.destroy();
	throw new S3Failure('The server does not serve the range that was asked for', { status: 200, code: 'RangeIgnored' });
}

/** Servers and caches between may ignore a range or get it wrong; Content-Range says what they sent (RFC 9110, 14.4). */
function isAsAsked(response: IncomingMessage, range: ByteRange): boolean {
	const [, first, last] = /^bytes (\d+)-(\d+)\//.exec(response.headers['content-range'] ?? '') ?? [];
	if (response.statusCode !== 206 || Number(first) !== range.start) return false;
	return range.end === undefined || Number(last) < range.end;
}

async function openOrNothing(requests: S3Requests, request: S3Request): Promise<IncomingMessage | undefined> {
	try {
		return await requests.open(request);
	} catch (error) {
		if (error instanceof S3Failure && error.status === 416) return undefined;
		if (error instanceof S3Failure && error.status === 412) throw changed();
		throw error;
	}
}

function changed(): S3Failure {
	return new S3Failure('The object was replaced while it was being read', { status: 412, code: 'ObjectChanged' });
}
