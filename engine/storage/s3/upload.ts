/**
 * How bytes reach the bucket: the stream is copied into part buffers. A stream that ends within the first is one PUT.
 * For a longer one a multipart upload begins when the second part has its first byte; every full part is sent in the
 * background while the next is filled. All parts but the last have one size, which is chosen before the first: some servers
 * take no others. Buffers are handed out from a budget of (concurrency + 1) parts of the configured size, and filling waits
 * for one to come back: that bounds memory and is the back-pressure on the source. Where parts have to be larger, fewer of
 * them are in flight.
 *
 * The first failure, or the caller's signal, stops everything: requests are broken off, the source is closed, and when
 * no part is in flight any more the upload is aborted, so no part arrives after the abort.
 */
import { cancelled, throwIfCancelled } from '../../errors';
import type { CreateOnly } from './conditional';
import { isOutcomeUnknown, S3Failure } from './failure';
import { CLEAN_UP_MS_AFTER_CANCEL, GRACE_MS, withGrace } from './grace';
import { isAnswerToRepetition, MultipartUpload } from './multipart';
import { assertStored, headObject, isStoredWith, md5Of, type ObjectHead } from './object';
import type { PartBuffers } from './part-buffers';
import { cutIntoParts, type PartPlan } from './parts';
import type { S3Requests } from './requests';

const CLEAN_UP_MS_AFTER_FAILURE = 30_000;

export interface Upload {
	requests: S3Requests;
	/** Undefined where an object that is there is replaced. */
	createOnly: CreateOnly | undefined;
	/** The whole key in the bucket. */
	key: string;
	/** What the object is created with: storage class, encryption, lock. */
	headers: Record<string, string>;
	parts: PartPlan;
	buffers: PartBuffers;
	/** Whether a single PUT is sent once more, for the server to show that it creates no object twice. */
	isProof?: boolean;
}

/** What a stream has become. */
export interface Uploaded {
	size: number;
	/** Whether the server has proved by its answer that it has just these bytes, so that nobody need look. */
	isProved: boolean;
}

/**
 * Stores a stream as an object. Resolves once the server has it whole.
 * @throws the source's error; S3Failure (PreconditionFailed where the key is in use); BackupError CANCELLED
 */
export async function uploadStream(
	upload: Upload,
	source: AsyncIterable<Uint8Array>,
	signal: AbortSignal,
): Promise<Uploaded> {
	const stop = new AbortController();
	const run = new UploadRun(upload, signal, stop);
	try {
		const size = await run.store(source);
		return { size, isProved: run.isProved };
	} catch (error) {
		stop.abort();
		const failure = signal.aborted ? cancelled() : (run.failure ?? error);
		await withGrace(signal, CLEAN_UP_MS_AFTER_CANCEL, (late) => run.cleanUp(late ?? signal));
		throw failure;
	}
}

/**
 * Looks whether a key is free, for servers without conditional writes.
 * @throws S3Failure PreconditionFailed where it is in use
 */
export async function assertAbsent(requests: S3Requests, key: string, signal?: AbortSignal): Promise<void> {
	if (!(await headObject(requests, key, signal))) return;
	throw new S3Failure('The key is in use', { status: 412, code: 'PreconditionFailed' });
}

class UploadRun {
	/** The first failure of a part in the background. */
	failure: unknown;
	isProved = false;
	#multipart: Promise<MultipartUpload> | undefined;
	/** The content of a single PUT that may have gone through. */
	#maybePut: { md5: Buffer; size: number } | undefined;
	readonly #inFlight = new Set<Promise<void>>();
	/** Ends what the clean-up still waits for, when its time is over. */
	readonly #end = new AbortController();
	/** Fires for the caller's, and for a failure. */
	private readonly signal: AbortSignal;
	#size = 0;

	constructor(
		private readonly upload: Upload,
		private readonly callersSignal: AbortSignal,
		private readonly stop: AbortController,
	) {
		this.signal = AbortSignal.any([callersSignal, stop.signal]);
	}

	async store(source: AsyncIterable<Uint8Array>): Promise<number> {
		const { parts, buffers } = this.upload;
		for await (const part of cutIntoParts(source, parts, buffers, this.signal)) {
			this.#size += part.bytes.length;
			if (part.isLast && part.number === 1) {
				await this.#putWhole(part.bytes).finally(() => buffers.release(part.buffer));
			} else {
				this.#send(part.number, part.bytes, () => buffers.release(part.buffer));
			}
		}
		if (this.#multipart) await this.#complete(this.#multipart);
		throwIfCancelled(this.signal);
		return this.#size;
	}

	/** Leaves nothing behind, as far as the time allows. Failures here would only hide the one that led here. */
	async cleanUp(callersSignal: AbortSignal): Promise<void> {
		const signal = AbortSignal.any([callersSignal, AbortSignal.timeout(CLEAN_UP_MS_AFTER_FAILURE)]);
		const work = async () => {
			await Promise.allSettled(this.#inFlight);
			await (await this.#multipart)?.abort(signal, { keepsObject: !this.upload.createOnly });
			await this.#removePut(signal);
		};
		const expired = new Promise<void>((resolve) => {
			if (signal.aborted) resolve();
			signal.addEventListener('abort', () => resolve(), { once: true });
		});
		await Promise.race([work().catch(() => {}), expired]);
		this.#end.abort();
	}

	#send(number: number, bytes: Buffer, release: () => void): void {
		this.#multipart ??= this.#begin();
		const sending = this.#multipart
			.then((multipart) => multipart.uploadPart(number, bytes, this.signal))
			.catch((error: unknown) => {
				this.failure ??= error;
				this.stop.abort();
			})
			.finally(() => {
				release();
				this.#inFlight.delete(sending);
			});
		this.#inFlight.add(sending);
	}

	/** A failure elsewhere does not break it off: an upload whose id is not known could not be aborted. */
	#begin(): Promise<MultipartUpload> {
		const { requests, key, headers } = this.upload;
		const signal = AbortSignal.any([this.callersSignal, this.#end.signal]);
		return MultipartUpload.begin(requests, key, headers, signal);
	}

	async #complete(begun: Promise<MultipartUpload>): Promise<void> {
		await Promise.all(this.#inFlight);
		throwIfCancelled(this.signal);
		const { requests, key, createOnly } = this.upload;
		if (createOnly) await assertAbsent(requests, key, this.signal);
		await (await begun).complete(createOnly ?? requests, this.signal);
	}

	async #putWhole(bytes: Buffer): Promise<void> {
		const { createOnly, requests, key, headers } = this.upload;
		const md5 = md5Of(bytes);
		const put = { md5, size: bytes.length };
		const request = {
			method: 'PUT' as const,
			key,
			headers: { ...headers, 'content-md5': md5.toString('base64') },
			body: bytes,
			signal: this.signal,
			graceMs: GRACE_MS,
		};
		this.#maybePut = put;
		try {
			const { headers: answered } = await (createOnly ?? requests).send(request);
			assertStored(answered, md5);
			this.isProved = isStoredWith(answered, md5);
			if (this.upload.isProof) await createOnly?.prove(request);
		} catch (error) {
			if (isAnswerToRepetition(error) && holds(await this.#head(this.signal), put)) return;
			if (!isOutcomeUnknown(error)) this.#maybePut = undefined;
			throw error;
		}
	}

	async #removePut(signal: AbortSignal): Promise<void> {
		if (!this.#maybePut || !this.upload.createOnly) return;
		const head = await this.#head(signal);
		if (!head?.etagIsHash || !holds(head, this.#maybePut)) return;
		await this.upload.requests.send({ method: 'DELETE', key: this.upload.key, signal });
	}

	#head(signal: AbortSignal): Promise<ObjectHead | undefined> {
		return headObject(this.upload.requests, this.upload.key, signal);
	}
}

/** Whether an object is the one that was put, as far as its ETag shows. */
function holds(head: ObjectHead | undefined, put: { md5: Buffer; size: number }): boolean {
	return head?.size === put.size && (!head.etagIsHash || head.etag === put.md5.toString('hex'));
}
