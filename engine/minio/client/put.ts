/**
 * How an object is stored whose size is known: a small one from memory in one request, a larger one in parts, several of them in
 * flight. Nothing stands under the key before the content came to its end, and what stood there before stays until then.
 */
import { BackupError, throwIfCancelled } from '../../errors';
import { giveBack } from '../../storage/lent';
import type { CreateOnly } from '../../storage/s3/conditional';
import { S3Failure } from '../../storage/s3/failure';
import { CLEAN_UP_MS_AFTER_CANCEL, withGrace } from '../../storage/s3/grace';
import { MultipartUpload } from '../../storage/s3/multipart';
import { assertStored, etagOf, headObject, md5Of } from '../../storage/s3/object';
import { PartBuffers } from '../../storage/s3/part-buffers';
import { largestObject, partSizeFor } from '../../storage/s3/part-size';
import type { S3Requests } from '../../storage/s3/requests';
import { assertAbsent, uploadStream } from '../../storage/s3/upload';
import { shownName } from '../../tree';
import { headersOf, type ObjectAttributes } from './attributes';
import { keyOccupied } from './keyNotTaken';
import { isToBeTried, storeWithTaken, takenOf } from './refused';
import type { TagCalls } from './tags';

export interface KeyOptions {
	/** The key of an object that this one lies below, `a` of `a/b`, where there is one or is to be one: see keysBelow.ts. */
	below?: string | undefined;
	signal: AbortSignal;
}

export interface PutOptions extends KeyOptions {
	/** Bytes that the content has. */
	size: number;
	attributes?: ObjectAttributes;
	/** Whether an object that is there is replaced; by default that fails. */
	replaces?: boolean;
	/** Called for what the server does not take and the object is stored without: a whole sentence, once. */
	onLeftOut?: (message: string) => void;
}

export interface PutContext {
	requests: S3Requests;
	createOnly: CreateOnly;
	tags: TagCalls;
	/** What the server was found not to take, so that it is not sent again. */
	refused: Set<string>;
	/** Memory of uploads that are over. */
	buffers: PartBuffers[];
}

/**
 * @returns the object's ETag
 * @throws S3Failure (PreconditionFailed where the key is in use); what the content throws; BackupError SOURCE_FAILED (its size), CANCELLED
 */
export async function putObject(
	context: PutContext,
	key: string,
	content: AsyncIterable<Uint8Array>,
	options: PutOptions,
): Promise<string> {
	const etag = await putContent(context, key, content, options);
	await putTags(context, key, options);
	return etag;
}

async function putContent(
	context: PutContext,
	key: string,
	content: AsyncIterable<Uint8Array>,
	options: PutOptions,
): Promise<string> {
	const { requests, refused } = context;
	const { attributes = {}, onLeftOut } = options;
	const { partSize } = requests.settings;
	if (options.size > partSize) return await putLarge(context, key, content, options);
	const bytes = await gathered(content, options.size, options.signal);
	return await storeWithTaken(attributes, { refused, how: 'at once', onLeftOut }, async (taken) => {
		return await putSmall(context, key, bytes, { ...options, attributes: taken });
	});
}

/** Gives an object that is there its tags. @throws S3Failure; BackupError CANCELLED */
export async function putTags(
	context: PutContext,
	key: string,
	{ attributes = {}, signal, onLeftOut }: Pick<PutOptions, 'attributes' | 'signal' | 'onLeftOut'>,
): Promise<void> {
	const { refused } = context;
	const { tags } = attributes;
	if (!tags || Object.keys(tags).length === 0) return;
	try {
		if (await context.tags.set(key, tags, signal)) return;
		noteRefused(refused, 'tags', 'The server has no tags of objects: objects were stored without theirs.', onLeftOut);
	} catch (error) {
		if (!(error instanceof S3Failure) || error.code !== 'InvalidTag') throw error;
		const message = `The server does not take the tags of ${shownName(key)}, and may not take those of others: ${error.message}`;
		noteRefused(refused, 'tag values', message, onLeftOut);
	}
}

async function putSmall(context: PutContext, key: string, bytes: Buffer, options: PutOptions): Promise<string> {
	const { requests, createOnly } = context;
	const md5 = md5Of(bytes);
	const request = {
		method: 'PUT' as const,
		key,
		headers: { ...headersOf(options.attributes ?? {}), 'content-md5': md5.toString('base64') },
		body: bytes,
		signal: options.signal,
	};
	const { replaces = false } = options;
	if (!replaces && !createOnly.isProved) await assertAbsent(requests, key, options.signal);
	try {
		const { headers } = await (replaces ? requests : createOnly).send(request);
		assertStored(headers, md5);
		if (!replaces) await createOnly.prove(request);
		return etagOf(headers) || (await etagOfStored(requests, key, { md5, size: bytes.length }, options.signal));
	} catch (error) {
		if (!(error instanceof S3Failure) || error.status !== 412) throw error;
		const head = await headObject(requests, key, options.signal);
		if (!head) throw keyOccupied(error, requests.settings.bucket, key);
		// The answer to the first of two requests was lost, and it had stored the object.
		if (error.attempts === 1) throw error;
		if (head.size !== bytes.length || (head.etagIsHash && head.etag !== md5.toString('hex'))) throw error;
		return head.etag;
	}
}

/**
 * Looks whether the object is there where the answer named none: some proxies answer anything with an empty 200, and an
 * older object under the key would pass for the new one.
 * @throws S3Failure IncompleteBody where it is not
 */
async function etagOfStored(
	requests: S3Requests,
	key: string,
	{ md5, size }: { md5: Buffer; size: number },
	signal: AbortSignal,
): Promise<string> {
	const head = await headObject(requests, key, signal);
	if (head?.size === size) {
		assertStored(head.headers, md5);
		return head.etag;
	}
	const message = `The answer names no object, and the server shows ${head ? `one of ${head.size} bytes` : 'none'}`;
	throw new S3Failure(message, { status: 200, code: 'IncompleteBody' });
}

async function putLarge(
	context: PutContext,
	key: string,
	content: AsyncIterable<Uint8Array>,
	options: PutOptions,
): Promise<string> {
	const { requests, createOnly } = context;
	const { size, replaces = false, signal } = options;
	const { partSize, maxParts, concurrency } = requests.settings;
	const largest = largestObject(maxParts);
	if (size > largest) {
		throw new BackupError('INVALID_INPUT', `${key} has ${size} bytes, and the server takes ${largest} in one object.`, {
			hint: 'Leave it out, or choose a server that takes larger objects.',
		});
	}
	const attributes = await triedAttributes(context, key, options);
	if (!replaces) await assertAbsent(requests, key, signal);
	const parts = { size: partSizeFor(partSize, maxParts, size), maxParts };
	const upload = {
		requests,
		createOnly: replaces ? undefined : createOnly,
		key,
		headers: headersOf(attributes),
		parts,
		// Those of an upload before are used again: they are a lot of memory to be collected.
		buffers: context.buffers.pop() ?? new PartBuffers((concurrency + 1) * partSize),
	};
	await uploadStream(upload, measured(content, size), signal);
	context.buffers.push(upload.buffers);
	return await etagOfWhole(requests, key, size, signal);
}

/** The ETag of what was put together from parts. @throws S3Failure IncompleteBody where it is not as large as it should be */
export async function etagOfWhole(
	requests: S3Requests,
	key: string,
	size: number,
	signal: AbortSignal,
): Promise<string> {
	const head = await headObject(requests, key, signal);
	if (head?.size === size) return head.etag;
	const found = head ? `${head.size} bytes` : 'nothing';
	throw new S3Failure(`${size} bytes were sent, and the server shows ${found}`, {
		status: 200,
		code: 'IncompleteBody',
	});
}

/**
 * What the server takes of the attributes. The content comes once, so it has to be known before: an upload with them is begun and given
 * up again.
 */
async function triedAttributes(
	{ requests, refused }: PutContext,
	key: string,
	{ attributes = {}, signal, onLeftOut }: PutOptions,
): Promise<ObjectAttributes> {
	if (!isToBeTried(refused, attributes, 'in parts')) return takenOf(refused, attributes);
	return await storeWithTaken(attributes, { refused, how: 'in parts', onLeftOut }, async (taken) => {
		const upload = await MultipartUpload.begin(requests, key, headersOf(taken), signal);
		// Also after a cancel: an upload that nobody knows of takes up room for ever.
		await withGrace(signal, CLEAN_UP_MS_AFTER_CANCEL, async (late) => {
			await upload.abort(late ?? signal, { keepsObject: true });
		});
		return taken;
	});
}

function noteRefused(refused: Set<string>, what: string, message: string, tell: PutOptions['onLeftOut']): void {
	if (refused.has(what)) return;
	refused.add(what);
	tell?.(message);
}

async function gathered(content: AsyncIterable<Uint8Array>, size: number, signal: AbortSignal): Promise<Buffer> {
	const bytes = Buffer.allocUnsafe(size);
	let length = 0;
	for await (const chunk of measured(content, size)) {
		throwIfCancelled(signal);
		bytes.set(chunk, length);
		length += chunk.length;
		giveBack(chunk);
	}
	return bytes;
}

/** @throws BackupError SOURCE_FAILED where there are more or fewer bytes than were said */
export async function* measured(content: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
	let length = 0;
	for await (const chunk of content) {
		length += chunk.length;
		if (length > size) throw wrongSize(size);
		yield chunk;
	}
	if (length !== size) throw wrongSize(size);
}

function wrongSize(size: number): BackupError {
	return new BackupError('SOURCE_FAILED', `The content of an object was not the ${size} bytes that it should have.`, {
		hint: 'It was changed while it was read. Run it again.',
	});
}
