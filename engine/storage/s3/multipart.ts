import { createHash, type Hash } from 'node:crypto';

import { isOutcomeUnknown, S3Failure } from './failure';
import { GRACE_MS } from './grace';
import { assertStored, etagIsHash, etagOf, headObject, md5Of, type ObjectHead } from './object';
import { assertDone, type S3Requests } from './requests';
import { escapeXml, textOf } from './xml';

/** Sends the request that makes an object visible. */
export type Publisher = Pick<S3Requests, 'send'>;

const MD5_BYTES = 16;

/** Servers may take minutes to join many parts. */
export const COMPLETE_TIMEOUT_MS = 10 * 60 * 1000;

/**
 * One multipart upload (https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html). Parts carry
 * Content-MD5, which every server checks and object lock demands.
 */
export class MultipartUpload {
	readonly #etags = new Map<number, string>();
	readonly #hashes = new Map<number, Buffer>();
	#etagsAreHashes = true;
	#size = 0;
	/** True once the object may have come to be. */
	#mayBeStored = false;

	private constructor(
		private readonly requests: S3Requests,
		private readonly key: string,
		private readonly uploadId: string,
	) {}

	/** @throws S3Failure; BackupError CANCELLED */
	static async begin(
		requests: S3Requests,
		key: string,
		headers: Record<string, string>,
		signal: AbortSignal,
	): Promise<MultipartUpload> {
		const query = { uploads: '' };
		const { text } = await requests.send({ method: 'POST', key, query, headers, signal, graceMs: GRACE_MS });
		const uploadId = textOf(text, 'UploadId');
		if (!uploadId) throw new S3Failure('The answer holds no upload id', { status: 200, code: 'InvalidResponse' });
		return new MultipartUpload(requests, key, uploadId);
	}

	/** @throws S3Failure; BackupError CANCELLED */
	async uploadPart(number: number, bytes: Buffer, signal: AbortSignal): Promise<void> {
		const md5 = md5Of(bytes);
		const { headers } = await this.requests.send({
			method: 'PUT',
			key: this.key,
			query: { partNumber: String(number), uploadId: this.uploadId },
			headers: { 'content-md5': md5.toString('base64') },
			body: bytes,
			signal,
			check: (answer) => assertStored(answer.headers, md5),
		});
		this.#etags.set(number, etagOf(headers));
		this.#hashes.set(number, md5);
		this.#etagsAreHashes &&= etagIsHash(headers);
		this.#size += bytes.length;
	}

	/**
	 * Sends a part while it is read, and once more from its beginning where that failed.
	 * @param part `open` gives its bytes, as often as they are asked for; `isHashed` where the ETag of the answer is to be compared with
	 * their hash, and not that of all parts by the caller
	 * @returns false where the answer does not show what the server has: its ETag is no hash
	 * @throws S3Failure; BodyFailure for what the bytes throw; BackupError CANCELLED
	 */
	async streamPart(
		number: number,
		{ size, isHashed, open }: { size: number; isHashed: boolean; open: () => AsyncIterable<Uint8Array> },
		signal: AbortSignal,
	): Promise<boolean> {
		return await this.requests.repeated(signal, async () => {
			const digest = isHashed ? createHash('md5') : undefined;
			const { headers } = await this.requests.sendStreamed({
				method: 'PUT',
				key: this.key,
				query: { partNumber: String(number), uploadId: this.uploadId },
				size,
				content: digest ? hashed(open(), digest) : open(),
				signal,
			});
			const etag = etagOf(headers);
			const md5 = digest?.digest() ?? Buffer.from(etag, 'hex');
			assertStored(headers, md5);
			if (!etagIsHash(headers) || md5.length !== MD5_BYTES || etag.toLowerCase() !== md5.toString('hex')) return false;
			this.#etags.set(number, etag);
			this.#hashes.set(number, md5);
			this.#size += size;
			return true;
		});
	}

	/**
	 * Has the server take a part from another object (UploadPartCopy).
	 * @param source headers that name the object
	 * @param range first byte, and the byte after the last one
	 * @throws S3Failure; BackupError CANCELLED
	 */
	async copyPart(
		number: number,
		source: Record<string, string>,
		{ start, end }: { start: number; end: number },
		signal: AbortSignal,
	): Promise<void> {
		const { text } = await this.requests.send({
			method: 'PUT',
			key: this.key,
			query: { partNumber: String(number), uploadId: this.uploadId },
			headers: { ...source, 'x-amz-copy-source-range': `bytes=${start}-${end - 1}` },
			signal,
			stallMs: COMPLETE_TIMEOUT_MS,
		});
		const etag = textOf(text, 'ETag');
		if (!etag) throw new S3Failure('The answer holds no ETag', { status: 200, code: 'InvalidResponse' });
		this.#etags.set(number, etag.replace(/"/g, ''));
		// Nobody has seen the bytes, so nobody knows their hash.
		this.#etagsAreHashes = false;
		this.#size += end - start;
	}

	/**
	 * Joins the parts into the object.
	 * @param publisher a CreateOnly, or the requests themselves where an object may be replaced
	 * @throws S3Failure, PreconditionFailed where the key is in use; BackupError CANCELLED
	 */
	async complete(publisher: Publisher, signal: AbortSignal): Promise<void> {
		this.#mayBeStored = true;
		try {
			await publisher.send({
				method: 'POST',
				key: this.key,
				query: { uploadId: this.uploadId },
				headers: { 'content-type': 'application/xml' },
				body: Buffer.from(this.#list()),
				signal,
				graceMs: GRACE_MS,
				stallMs: COMPLETE_TIMEOUT_MS,
				check: (answer) => assertDone(answer, 'CompleteMultipartUploadResult'),
			});
		} catch (error) {
			if (isAnswerToRepetition(error) && (await this.#isStored(signal, this.#etagsAreHashes))) return;
			this.#mayBeStored = isOutcomeUnknown(error);
			throw error;
		}
	}

	/**
	 * Gives the upload up: removes its parts, and the object where a `complete` that was broken off went through after
	 * all. Servers that know no abort, and uploads that are gone, are fine.
	 * @param keepsObject whether it stays, as it has replaced another one that nothing brings back
	 */
	async abort(signal: AbortSignal, { keepsObject = false } = {}): Promise<void> {
		const query = { uploadId: this.uploadId };
		await this.requests.send({ method: 'DELETE', key: this.key, query, signal }).catch(() => {});
		if (keepsObject || !this.#mayBeStored || !(await this.#isStored(signal, true))) return;
		await this.requests.send({ method: 'DELETE', key: this.key, signal });
	}

	async #isStored(signal: AbortSignal, compareEtag: boolean): Promise<boolean> {
		const head = await headObject(this.requests, this.key, signal);
		return head !== undefined && head.size === this.#size && (!compareEtag || this.#hasOurEtag(head));
	}

	/** What the object's ETag is by the hashes of its parts: the MD5 of their MD5s, a dash, and their number. */
	get expectedEtag(): string {
		const hash = createHash('md5');
		for (const number of this.#numbers()) hash.update(this.#hashes.get(number) ?? '');
		return `${hash.digest('hex')}-${this.#etags.size}`;
	}

	#hasOurEtag(head: ObjectHead): boolean {
		return head.etag === this.expectedEtag;
	}

	#numbers(): number[] {
		return [...this.#etags.keys()].sort((a, b) => a - b);
	}

	#list(): string {
		const parts = this.#numbers().map((number) => {
			const etag = escapeXml(`"${this.#etags.get(number)}"`);
			return `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`;
		});
		return `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts.join('')}</CompleteMultipartUpload>`;
	}
}

/** True for what a server answers to the second of two equal requests, when the answer to the first was lost. */
export function isAnswerToRepetition(error: unknown): boolean {
	if (!(error instanceof S3Failure) || error.attempts < 2) return false;
	return error.code === 'NoSuchUpload' || error.status === 404 || error.status === 412 || error.status === 409;
}

async function* hashed(content: AsyncIterable<Uint8Array>, digest: Hash): AsyncGenerator<Uint8Array> {
	for await (const chunk of content) {
		digest.update(chunk);
		yield chunk;
	}
}
