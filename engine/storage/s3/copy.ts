/**
 * How an object is copied without its bytes leaving the server: a small one by one request (CopyObject), a larger one by
 * a multipart upload whose parts the server takes from the source, several at a time (UploadPartCopy). Nothing shows under
 * the new key before the last request, and a failure or a cancel aborts the upload. The source is
 * looked at again before that, so an object that was replaced meanwhile is not mixed with the new one. (Swift takes the
 * ETag of what was uploaded in parts for wrong in x-amz-copy-source-if-match.)
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html,
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html
 */
import type { CreateOnly } from './conditional';
import { isNotImplemented, isOutcomeUnknown, S3Failure } from './failure';
import { CLEAN_UP_MS_AFTER_CANCEL, withGrace } from './grace';
import { COMPLETE_TIMEOUT_MS, MultipartUpload } from './multipart';
import { headObject, type ObjectHead } from './object';
import { assertDone, type S3Requests } from './requests';
import { assertAbsent } from './upload';

const GIB = 1024 ** 3;

/** CopyObject takes up to 5 GiB, but smaller pieces can be cancelled and repeated; 10,000 of them hold 9 TiB. */
export const COPY_PIECE_BYTES = GIB;

export interface ObjectCopy {
	requests: S3Requests;
	createOnly: CreateOnly;
	/** Whole keys, each in the bucket of its requests. */
	from: string;
	to: string;
	/** Those of the source, where that is in another bucket of the server. */
	sourceRequests?: S3Requests;
	/** What the copy is created with: storage class, encryption, lock. */
	headers: Record<string, string>;
}

/** What is to be copied. @throws S3Failure, NoSuchKey where there is none */
export async function headOfSource(
	{ requests, sourceRequests = requests, from }: ObjectCopy,
	signal?: AbortSignal,
): Promise<ObjectHead> {
	const head = await headObject(sourceRequests, from, signal);
	if (head) return head;
	throw new S3Failure('The object does not exist', { status: 404, code: 'NoSuchKey' });
}

/**
 * Copies an object to a key that is free.
 * @param head of the source
 * @param pieceBytes larger objects are copied in several pieces of this size, at least 5 MiB
 * @returns false where the server cannot; nothing is left then
 * @throws S3Failure (PreconditionFailed where the key is in use); BackupError CANCELLED
 */
export async function copyObject(
	copy: ObjectCopy,
	head: ObjectHead,
	signal: AbortSignal = new AbortController().signal,
	pieceBytes = COPY_PIECE_BYTES,
): Promise<boolean> {
	await assertAbsent(copy.requests, copy.to, signal);
	try {
		if (head.size <= pieceBytes) await copyWhole(copy, head, signal);
		else await copyInPieces(copy, head, signal, pieceBytes);
		return true;
	} catch (error) {
		if (error instanceof S3Failure && cannotCopy(error)) return false;
		throw error;
	}
}

async function copyWhole(copy: ObjectCopy, head: ObjectHead, signal: AbortSignal): Promise<void> {
	const { requests, to, headers } = copy;
	try {
		await requests.send({
			method: 'PUT',
			key: to,
			headers: { ...headers, ...sourceHeaders(copy) },
			signal,
			stallMs: COMPLETE_TIMEOUT_MS,
			check: (answer) => assertDone(answer, 'CopyObjectResult'),
		});
	} catch (error) {
		if (isOutcomeUnknown(error)) await removeCopy(copy, head.size, signal);
		throw error;
	}
}

/** The key was free, so an object of this size is the copy of a request whose answer did not come. */
async function removeCopy({ requests, to }: ObjectCopy, size: number, signal: AbortSignal): Promise<void> {
	await withGrace(signal, CLEAN_UP_MS_AFTER_CANCEL, async (late) => {
		if ((await headObject(requests, to, late))?.size !== size) return;
		await requests.send({ method: 'DELETE', key: to, signal: late });
	}).catch(() => {});
}

async function copyInPieces(
	copy: ObjectCopy,
	head: ObjectHead,
	signal: AbortSignal,
	pieceBytes: number,
): Promise<void> {
	const { requests, createOnly, to, headers } = copy;
	const upload = await MultipartUpload.begin(requests, to, headers, signal);
	try {
		await copyPieces(upload, piecesOf(head.size, pieceBytes), copy, signal);
		await assertUnchanged(copy, head, signal);
		await assertAbsent(requests, to, signal);
		await upload.complete(createOnly, signal);
	} catch (error) {
		await withGrace(signal, CLEAN_UP_MS_AFTER_CANCEL, (late) => upload.abort(late ?? signal)).catch(() => {});
		throw error;
	}
}

/** Resolves when no piece is under way any more, so that nothing arrives after an abort. */
async function copyPieces(
	upload: MultipartUpload,
	pieces: Iterable<{ number: number; start: number; end: number }>,
	copy: ObjectCopy,
	signal: AbortSignal,
): Promise<void> {
	const stop = new AbortController();
	const source = sourceHeaders(copy);
	const either = AbortSignal.any([signal, stop.signal]);
	let failure: { error: unknown } | undefined;
	const waiting = pieces[Symbol.iterator]();
	const work = async () => {
		for (let next = waiting.next(); !next.done && !failure; next = waiting.next()) {
			try {
				await upload.copyPart(next.value.number, source, next.value, either);
			} catch (error) {
				failure ??= { error };
				stop.abort();
			}
		}
	};
	await Promise.all(Array.from({ length: copy.requests.settings.concurrency }, work));
	if (failure) throw failure.error;
}

function* piecesOf(size: number, pieceBytes: number): Generator<{ number: number; start: number; end: number }> {
	for (let start = 0, number = 1; start < size; start += pieceBytes, number++) {
		yield { number, start, end: Math.min(size, start + pieceBytes) };
	}
}

async function assertUnchanged(copy: ObjectCopy, head: ObjectHead, signal: AbortSignal): Promise<void> {
	if ((await headOfSource(copy, signal)).etag === head.etag) return;
	throw new S3Failure('The object was replaced while it was being copied', { status: 409, code: 'SourceReplaced' });
}

function sourceHeaders({ requests, sourceRequests = requests, from }: ObjectCopy): Record<string, string> {
	const path = [sourceRequests.settings.bucket, ...from.split('/')].map(escapeSegment).join('/');
	return { 'x-amz-copy-source': `/${path}` };
}

function escapeSegment(segment: string): string {
	return encodeURIComponent(segment).replace(/[!'()*]/g, (character) => {
		return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
	});
}

/**
 * Besides those that say so: servers that take the headers for invalid, and those that do not find a source that was
 * just there, because they read its escaped name in their own way.
 */
function cannotCopy(failure: S3Failure): boolean {
	return isNotImplemented(failure) || failure.status === 400 || failure.code === 'NoSuchKey';
}
