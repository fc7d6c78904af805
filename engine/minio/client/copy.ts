/** Copies an object on the server, whole or in pieces, while its bytes stay there. */
import { isOfOwnersKey } from '../../storage/s3/codes';
import { isNotImplemented, S3Failure } from '../../storage/s3/failure';
import { CLEAN_UP_MS_AFTER_CANCEL, withGrace } from '../../storage/s3/grace';
import { COMPLETE_TIMEOUT_MS, MultipartUpload } from '../../storage/s3/multipart';
import { headObject } from '../../storage/s3/object';
import { assertDone, type S3Requests } from '../../storage/s3/requests';
import { textOf } from '../../storage/s3/xml';
import { inParallel } from '../../parallel';
import { headersOf, type ObjectAttributes } from './attributes';
import { putTags, type KeyOptions, type PutContext } from './put';

const GIB = 1024 ** 3;

/** CopyObject takes up to 5 GiB, but smaller pieces can be cancelled and repeated; 10,000 of them hold 9 TiB. */
const PIECE_BYTES = GIB;

export interface CopyOptions extends KeyOptions {
	from: { bucket: string; key: string; size: number; etag: string };
	/** Metadata, headers and tags of a copy in pieces; one in one piece has those of the source by itself. */
	attributes: ObjectAttributes;
	/** Called for what the server does not take and the copy is made without: a whole sentence, once. */
	onLeftOut?: (message: string) => void;
	/** Larger objects are copied in pieces of this size, at least 5 MiB. */
	pieceBytes?: number;
}

/**
 * Copies an object, over one that may be there.
 * @returns its ETag; undefined where the server cannot, and the bytes have to be read and written
 * @throws S3Failure (ObjectChanged where the source is another one by now); BackupError CANCELLED
 */
export async function copyObject(context: PutContext, key: string, options: CopyOptions): Promise<string | undefined> {
	const { requests } = context;
	const { from, pieceBytes = PIECE_BYTES } = options;
	try {
		if (from.size <= pieceBytes) return await copyWhole(requests, key, options);
		const etag = await copyInPieces(requests, key, options, pieceBytes);
		await putTags(context, key, options);
		return etag;
	} catch (error) {
		if (!(error instanceof S3Failure)) throw error;
		if (error.status === 412) {
			throw new S3Failure('The object was replaced while it was copied', { status: 412, code: 'ObjectChanged' });
		}
		if (isOfOwnersKey(error)) throw error;
		// Besides those that say so: servers that take the headers for invalid, and that read the source's escaped name in their own way.
		if (isNotImplemented(error) || error.status === 400 || error.code === 'NoSuchKey') return undefined;
		throw error;
	}
}

/**
 * The size of what the server says that it has copied is looked at where the two ETags are not the same: servers make new ones for
 * what was uploaded in parts.
 */
async function copyWhole(requests: S3Requests, key: string, options: CopyOptions): Promise<string> {
	const { from, signal } = options;
	const { text } = await requests.send({
		method: 'PUT',
		key,
		headers: { ...sourceHeaders(options), 'x-amz-copy-source-if-match': `"${from.etag}"` },
		signal,
		stallMs: COMPLETE_TIMEOUT_MS,
		check: (answer) => assertDone(answer, 'CopyObjectResult'),
	});
	const etag = textOf(text, 'ETag')?.replace(/"/g, '');
	return etag !== undefined && etag !== '' && etag === from.etag ? etag : await etagOfCopy(requests, key, options);
}

/** @throws S3Failure IncompleteBody where it is not there as a whole */
async function etagOfCopy(requests: S3Requests, key: string, { from, signal }: CopyOptions): Promise<string> {
	const head = await headObject(requests, key, signal);
	if (head?.size === from.size) return head.etag;
	const found = head ? `${head.size} bytes` : 'nothing';
	throw new S3Failure(`${from.size} bytes were to be copied, and the server shows ${found}`, {
		status: 200,
		code: 'IncompleteBody',
	});
}

async function copyInPieces(
	requests: S3Requests,
	key: string,
	options: CopyOptions,
	pieceBytes: number,
): Promise<string> {
	const { from, attributes, signal } = options;
	const upload = await MultipartUpload.begin(requests, key, headersOf(attributes), signal);
	try {
		const pieces: { number: number; start: number; end: number }[] = [];
		for (let start = 0; start < from.size; start += pieceBytes) {
			pieces.push({ number: pieces.length + 1, start, end: Math.min(from.size, start + pieceBytes) });
		}
		const source = sourceHeaders(options);
		await inParallel(pieces, requests.settings.concurrency, async ({ number, ...range }) => {
			await upload.copyPart(number, source, range, signal);
		});
		// Swift takes the ETag of what was uploaded in parts for wrong in x-amz-copy-source-if-match.
		const head = await headObject(requests.inBucket(from.bucket), from.key, signal);
		if (head?.etag !== from.etag) {
			throw new S3Failure('The object was replaced while it was copied', { status: 412, code: 'ObjectChanged' });
		}
		await upload.complete(requests, signal);
		return await etagOfCopy(requests, key, options);
	} catch (error) {
		await withGrace(signal, CLEAN_UP_MS_AFTER_CANCEL, async (late) => {
			await upload.abort(late ?? signal, { keepsObject: true });
		}).catch(() => {});
		throw error;
	}
}

function sourceHeaders({ from }: CopyOptions): Record<string, string> {
	const path = [from.bucket, ...from.key.split('/')].map(escapeSegment).join('/');
	return { 'x-amz-copy-source': `/${path}` };
}

function escapeSegment(segment: string): string {
	return encodeURIComponent(segment).replace(/[!'()*]/g, (character) => {
		return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
	});
}
