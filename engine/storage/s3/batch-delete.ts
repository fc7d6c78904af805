import { inParallel } from '../../parallel';
import { MAX_KEY_BYTES } from '../keys';
import { isNotImplemented, S3Failure } from './failure';
import { md5Of } from './object';
import { assertRoot, type S3Requests } from './requests';
import { elements, escapeXml, textOf } from './xml';

/** As many as S3 takes in one request. */
const MAX_KEYS = 1000;
const BATCHES_AT_ONCE = 4;
const SINGLES_AT_ONCE = 16;

/** Some servers delete the keys of a batch one after another before they answer. */
const STALL_MS = 5 * 60 * 1000;

/**
 * Codes that say that there is no such object, or that none can have this name: the prefix in the bucket may make a key longer
 * than the server takes, and MinIO refuses names that no file of it can have.
 */
const NOT_THERE = ['NoSuchKey', 'KeyTooLongError', 'XMinioInvalidObjectName'];

/**
 * What does not come through XML 1.0 as it is: what it cannot hold, and for one such key Swift and others refuse the whole
 * batch; line ends, which it turns into line feeds (2.11), so that another object might be deleted; and white space at
 * the ends, which some servers cut off.
 */
// eslint-disable-next-line no-control-regex -- control characters are what it is about
const NOT_XML = /[\u0000-\u001f\u007f-\u009f\u2028\ufffe\uffff]|^\s|\s$/;

/** True for a key that may stand in a batch, where its name must not change and its length must not spoil the others. */
function isBatchable(key: string): boolean {
	return !NOT_XML.test(key) && Buffer.byteLength(key) <= MAX_KEY_BYTES;
}

/**
 * Deletes objects by the thousand (DeleteObjects, https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html). The
 * answer tells of each key what became of it: what the server does not report as deleted is deleted by a request of its own,
 * which also explains why it cannot be. A server that refuses batches (Google's, or one that wants another checksum) is asked
 * for single deletions from then on.
 */
export class BatchDelete {
	#refused = false;

	constructor(private readonly requests: S3Requests) {}

	/**
	 * @param keys whole keys in the bucket
	 * @param failed is called with each key that could not be deleted; what it throws ends the deletion
	 * @throws BackupError CANCELLED
	 */
	async remove(
		keys: readonly string[],
		failed: (key: string, failure: S3Failure) => void,
		signal: AbortSignal | undefined,
	): Promise<void> {
		const batches: string[][] = [];
		for (let start = 0; start < keys.length; start += MAX_KEYS) batches.push(keys.slice(start, start + MAX_KEYS));
		await inParallel(batches, BATCHES_AT_ONCE, async (batch) => {
			const left = await this.#removeBatch(batch, failed, signal);
			await inParallel(left, SINGLES_AT_ONCE, async (key) => {
				await this.removeOne(key, signal).catch((error: unknown) => noteFailure(error, [key], failed));
			});
		});
	}

	/** Deletes one object; fine where there is none. @throws S3Failure; BackupError CANCELLED */
	async removeOne(key: string, signal?: AbortSignal): Promise<void> {
		try {
			await this.requests.send({ method: 'DELETE', key, signal });
		} catch (error) {
			if (!(error instanceof S3Failure) || !NOT_THERE.includes(error.code ?? '')) throw error;
		}
	}

	/** @returns the keys that are still to be deleted */
	async #removeBatch(
		keys: readonly string[],
		failed: (key: string, failure: S3Failure) => void,
		signal: AbortSignal | undefined,
	): Promise<string[]> {
		const sendable = keys.filter(isBatchable);
		if (this.#refused || sendable.length < 2) return [...keys];
		const left = new Set(keys);
		try {
			const answer = await this.#send(sendable, signal);
			for (const item of elements(answer, 'Deleted')) left.delete(textOf(item, 'Key') ?? '');
			for (const item of elements(answer, 'Error')) {
				const key = textOf(item, 'Key') ?? '';
				const code = textOf(item, 'Code');
				if (code === 'NoSuchKey') left.delete(key);
				// Asked again, it would be denied again.
				if (code !== 'AccessDenied' || !left.delete(key)) continue;
				failed(key, new S3Failure(textOf(item, 'Message') ?? code, { status: 403, code }));
			}
		} catch (error) {
			if (!(error instanceof S3Failure && isRefusal(error))) {
				noteFailure(error, keys, failed);
				return [];
			}
			this.#refused = true;
		}
		return [...left];
	}

	async #send(keys: readonly string[], signal: AbortSignal | undefined): Promise<string> {
		const objects = keys.map((key) => `<Object><Key>${escapeXml(key)}</Key></Object>`).join('');
		const body = Buffer.from(`<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${objects}</Delete>`);
		const headers = { 'content-type': 'application/xml', 'content-md5': md5Of(body).toString('base64') };
		const answer = await this.requests.send({
			method: 'POST',
			query: { delete: '' },
			headers,
			body,
			stallMs: STALL_MS,
			signal,
		});
		assertRoot(answer, 'DeleteResult');
		return answer.text;
	}
}

/** @throws what is no failure of the server */
function noteFailure(error: unknown, keys: readonly string[], failed: (key: string, failure: S3Failure) => void): void {
	if (!(error instanceof S3Failure)) throw error;
	for (const key of keys) failed(key, error);
}

/** True where the server does not want the batch, whatever it thinks of the single deletions. */
function isRefusal(failure: S3Failure): boolean {
	const { status = 0, code } = failure;
	if (isNotImplemented(failure)) return true;
	return status >= 400 && status < 500 && code !== 'NoSuchBucket' && ![401, 408, 425, 429].includes(status);
}
