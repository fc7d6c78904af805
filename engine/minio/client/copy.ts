/** Copies an object on the server, whole or in pieces, while its bytes stay there. */
import { isNotImplemented, S3Failure } from '../../storage/s3/failure';
import { withGrace } from '../../storage/s3/grace';
import { COMPLETE_TIMEOUT_MS, MultipartUpload } from '../../storage/s3/multipart';
import { headObject } from '../../storage/s3/object';
import type { S3Requests } from '../../storage/s3/requests';
import { textOf } from '../../storage/s3/xml';
import { inParallel } from '../../parallel';
import { headersOf, type ObjectAttributes } from './attributes';

const GIB = 1024 ** 3;

/** CopyObject takes up to 5 GiB, but smaller pieces can be cancelled and repeated; 10,000 of them hold 9 TiB. */
const PIECE_BYTES = GIB;
const CLEAN_UP_MS_AFTER_CANCEL = 500;

export interface CopyOptions {
	from: { bucket: string; key: string; size: number; etag: string };
	/** Metadata and headers of the copy; a copy in one piece has those of the source by default. */
	attributes: ObjectAttributes;
	signal: AbortSignal;
	/** Larger objects are copied in pieces of this size, at least 5 MiB. */
	pieceBytes?: number;
}

/**
 * Copies an object, over one that may be there.
 * @returns its ETag; undefined where the server cannot, and the bytes have to be read and written
 * @throws S3Failure (ObjectChanged where the source is another one by now); BackupError CANCELLED
 */
export async function copyObject(requests: S3Requests, key: string, options: CopyOptions): Promise<string | undefined> {
	const { from, signal, pieceBytes = PIECE_BYTES } = options;
	try {
		if (from.size <= pieceBytes) {
			const headers = { ...sourceHeaders(options), 'x-amz-copy-source-if-match': `"${from.etag}"` };
			const request = { method: 'PUT' as const, key, headers, signal, stallMs: COMPLETE_TIMEOUT_MS };
			const etag = textOf((await requests.send(request)).text, 'ETag')?.replace(/"/g, '');
			if (etag) return etag;
		} else await copyInPieces(requests, key, options, pieceBytes);
		return (await headObject(requests, key, signal))?.etag;
	} catch (error) {
		if (!(error instanceof S3Failure)) throw error;
		if (error.status === 412) {
			throw new S3Failure('The object was replaced while it was copied', { status: 412, code: 'ObjectChanged' });
		}
		// Besides those that say so: servers that take the headers for invalid, and that read the source's escaped name in their own way.
		if (isNotImplemented(error) || error.status === 400 || error.code === 'NoSuchKey') return undefined;
		throw error;
	}
}

async function copyInPieces(
	requests: S3Requests,
	key: string,
	options: CopyOptions,
	pieceBytes: number,
): Promise<void> {
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
