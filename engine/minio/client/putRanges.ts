/**
 * How an object is stored whose content can be read in pieces, and again: straight from where it comes from to where it goes, with
 * nothing of it held in memory. What the server has is proved by hashes that it tells or is told. Where the MD5 of the whole is
 * known, one request sends it, and the server compares. Otherwise there are parts, several of them in flight. Where the content was
 * uploaded in parts before, they are cut in the same way, and the hashes that the server tells of them have to give the ETag that
 * the source has. Otherwise each is hashed while it goes by, and compared with the ETag that the server gives it. Only then do
 * they become an object. A server that takes no content
 * whose hash it was not told before, or whose ETags are no hashes, is given the content from memory instead (put.ts).
 */
import { inParallel } from '../../parallel';
import { isPassing, S3Failure } from '../../storage/s3/failure';
import { CLEAN_UP_MS_AFTER_CANCEL, withGrace } from '../../storage/s3/grace';
import { MultipartUpload } from '../../storage/s3/multipart';
import { etagOf } from '../../storage/s3/object';
import { largestObject, partSizeFor } from '../../storage/s3/part-size';
import { BodyFailure } from '../../storage/s3/streamed-body';
import { headersOf } from './attributes';
import { etagOfWhole, measured, putTags, type PutContext, type PutOptions } from './put';
import { isToBeTried, takenOf } from './refused';

/** Content that can be read in pieces, and as often as it is wanted. */
export interface Ranges {
	/** MD5 of all of it, where that is known. */
	md5: Buffer | undefined;
	/** How it was cut when it was uploaded in parts, and the ETag that came of it. */
	parts?: { bytes: number; etag: string } | undefined;
	/** @param start first byte @param end the byte after the last one @throws where it is not the same content any more */
	read(start: number, end: number): AsyncIterable<Uint8Array>;
	/** After everything was read, before it becomes an object. @throws where it was changed meanwhile */
	confirm(): Promise<void>;
}

/** What fails is sent again as a whole, so there is a limit to what goes in one request. */
const MOST_AT_ONCE = 256 * 1024 * 1024;
/** S3's smallest part, the last one excepted. */
const LEAST_PART = 5 * 1024 * 1024;
/** What `PutContext.refused` notes. */
const AT_ONCE = 'content in one request';
const STREAMS = 'content that is streamed';
const SAME_PARTS = 'parts as at the source';

/** Whether the server takes content in this way, as far as that is known. */
export function takesRanges({ refused }: PutContext): boolean {
	return !refused.has(STREAMS);
}

/**
 * Stores an object over one that may be there.
 * @returns its ETag; undefined where the content has to be sent from memory
 * @throws S3Failure; what the content throws; BackupError CANCELLED
 */
export async function putRanges(
	context: PutContext,
	key: string,
	ranges: Ranges,
	options: PutOptions,
): Promise<string | undefined> {
	// What the server may not take of the attributes is found out with content that can be sent again.
	const { attributes = {}, size } = options;
	const how = size > context.requests.settings.partSize ? 'in parts' : 'at once';
	if (!takesRanges(context) || isToBeTried(context.refused, attributes, how)) return undefined;
	try {
		const etag = (await putAtOnce(context, key, ranges, options)) ?? (await putInParts(context, key, ranges, options));
		if (etag !== undefined) await putTags(context, key, options);
		return etag;
	} catch (error) {
		throw error instanceof BodyFailure ? error.reason : error;
	}
}

async function putAtOnce(
	context: PutContext,
	key: string,
	ranges: Ranges,
	options: PutOptions,
): Promise<string | undefined> {
	const { requests, refused } = context;
	const { size, signal } = options;
	const { md5 } = ranges;
	if (!md5 || size > MOST_AT_ONCE || refused.has(AT_ONCE)) return undefined;
	const headers = { ...headersOf(takenOf(refused, options.attributes ?? {})), 'content-md5': md5.toString('base64') };
	try {
		const content = measured(ranges.read(0, size), size);
		const answer = await requests.sendStreamed({ method: 'PUT', key, headers, size, content, signal });
		const etag = etagOf(answer.headers);
		if (etag.toLowerCase() === md5.toString('hex')) return etag;
		refused.add(AT_ONCE);
	} catch (error) {
		if (!(error instanceof S3Failure)) throw error;
		// What the source gave for an MD5 may be none.
		if (!isPassing(error) || error.code === 'BadDigest') refused.add(AT_ONCE);
	}
	return undefined;
}

/** How content is cut. */
interface Cut {
	bytes: number;
	/** The ETag that has to come of it; undefined where each part is compared. */
	etag: string | undefined;
}

async function putInParts(
	context: PutContext,
	key: string,
	ranges: Ranges,
	options: PutOptions,
): Promise<string | undefined> {
	const { refused, requests } = context;
	const { size } = options;
	const { partSize, maxParts } = requests.settings;
	if (size <= partSize || size > largestObject(maxParts)) return undefined;
	const { parts } = ranges;
	if (parts && isUsable(parts.bytes, size, maxParts) && !refused.has(SAME_PARTS)) {
		const etag = await putCut(context, key, ranges, parts, options);
		if (etag !== undefined) return etag;
		// Either something was damaged on the way, or the two servers make ETags in different ways.
		refused.add(SAME_PARTS);
	}
	const bytes = partSizeFor(partSize, maxParts, size);
	const etag = await putCut(context, key, ranges, { bytes, etag: undefined }, options);
	if (etag === undefined) refused.add(STREAMS);
	return etag;
}

function isUsable(bytes: number, size: number, maxParts: number): boolean {
	return bytes >= LEAST_PART && bytes <= MOST_AT_ONCE && Math.ceil(size / bytes) <= maxParts;
}

/** Undefined where the server refuses it, or does not show that it has what was sent. Then nothing of it is left. */
async function putCut(
	context: PutContext,
	key: string,
	ranges: Ranges,
	cut: Cut,
	options: PutOptions,
): Promise<string | undefined> {
	const { requests, refused } = context;
	const { size, signal, attributes = {} } = options;
	const upload = await MultipartUpload.begin(requests, key, headersOf(takenOf(refused, attributes)), signal);
	try {
		const areTold = await sendParts(context, upload, ranges, cut, options);
		if (areTold && (cut.etag === undefined || upload.expectedEtag === cut.etag)) {
			await ranges.confirm();
			await upload.complete(requests, signal);
			return await etagOfWhole(requests, key, size, signal);
		}
	} catch (error) {
		await abandon(upload, signal);
		const isRefused = error instanceof S3Failure && error.status !== undefined && !isPassing(error);
		if (!isRefused) throw error;
		return undefined;
	}
	await abandon(upload, signal);
	return undefined;
}

/** False where the server does not tell hashes of what it has. The first part that fails ends the others. */
async function sendParts(
	{ requests }: PutContext,
	upload: MultipartUpload,
	ranges: Ranges,
	{ bytes, etag }: Cut,
	{ size, signal }: PutOptions,
): Promise<boolean> {
	const stop = new AbortController();
	const either = AbortSignal.any([signal, stop.signal]);
	let areTold = true;
	await inParallel(Array(Math.ceil(size / bytes)).keys(), requests.settings.concurrency, async (index) => {
		if (!areTold) return;
		const start = index * bytes;
		const end = Math.min(size, start + bytes);
		const open = () => measured(ranges.read(start, end), end - start);
		try {
			const part = { size: end - start, isHashed: etag === undefined, open };
			if (!(await upload.streamPart(index + 1, part, either))) areTold = false;
		} catch (error) {
			stop.abort();
			throw error;
		}
	});
	return areTold;
}

async function abandon(upload: MultipartUpload, signal: AbortSignal): Promise<void> {
	await withGrace(signal, CLEAN_UP_MS_AFTER_CANCEL, async (late) => {
		await upload.abort(late ?? signal, { keepsObject: true });
	}).catch(() => {});
}
