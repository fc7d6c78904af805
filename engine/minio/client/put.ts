/**
 * How an object is stored whose size is known: a small one from memory in one request, a larger one in parts, several of them in
 * flight. Nothing stands under the key before the content came to its end, and what stood there before stays until then.
 */
import { BackupError, throwIfCancelled } from '../../errors';
import type { CreateOnly } from '../../storage/s3/conditional';
import { isNotImplemented, S3Failure } from '../../storage/s3/failure';
import { assertStored, etagOf, headObject, md5Of } from '../../storage/s3/object';
import { PartBuffers } from '../../storage/s3/part-buffers';
import { largestObject, partSizeFor } from '../../storage/s3/part-size';
import type { S3Requests } from '../../storage/s3/requests';
import { assertAbsent, uploadStream } from '../../storage/s3/upload';
import { shownName } from '../../tree';
import { headersOf, type ObjectAttributes } from './attributes';
import type { TagCalls } from './tags';

export interface PutOptions {
	/** Bytes that the content has. */
	size: number;
	attributes?: ObjectAttributes;
	/** Whether an object that is there is replaced; by default that fails. */
	replaces?: boolean;
	signal: AbortSignal;
	/** Called for what the server does not take and the object is stored without: a whole sentence, once. */
	onLeftOut?: (message: string) => void;
}

export interface PutContext {
	requests: S3Requests;
	createOnly: CreateOnly;
	tags: TagCalls;
	/** What the server was found not to take, so that it is not sent again. */
	refused: Set<string>;
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
	const put = async () => await putSmall(context, key, bytes, options);
	try {
		return await put();
	} catch (error) {
		// Storage classes are each server's own.
		if (!isClassRefused(error) || attributes.storageClass === undefined) throw error;
		noteClass(refused, attributes.storageClass, onLeftOut);
		return await put();
	}
}

async function putTags(
	context: PutContext,
	key: string,
	{ attributes = {}, signal, onLeftOut }: PutOptions,
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
		headers: { ...putHeaders(context, options), 'content-md5': md5.toString('base64') },
		body: bytes,
		signal: options.signal,
	};
	if (!options.replaces) await assertAbsent(requests, key, options.signal);
	try {
		const { headers } = await (options.replaces ? requests : createOnly).send(request);
		assertStored(headers, md5);
		return etagOf(headers);
	} catch (error) {
		// The answer to the first of two requests was lost, and it had stored the object.
		const isOurs = error instanceof S3Failure && error.status === 412 && error.attempts > 1;
		if (!isOurs) throw error;
		const head = await headObject(requests, key, options.signal);
		if (head?.size !== bytes.length || (head.etagIsHash && head.etag !== md5.toString('hex'))) throw error;
		return head.etag;
	}
}

async function putLarge(
	context: PutContext,
	key: string,
	content: AsyncIterable<Uint8Array>,
	options: PutOptions,
): Promise<string> {
	const { requests, createOnly, refused } = context;
	const { size, attributes = {}, replaces = false, signal, onLeftOut } = options;
	const { partSize, maxParts, concurrency } = requests.settings;
	const largest = largestObject(maxParts);
	if (size > largest) {
		throw new BackupError('INVALID_INPUT', `${key} has ${size} bytes, and the server takes ${largest} in one object.`, {
			hint: 'Leave it out, or choose a server that takes larger objects.',
		});
	}
	// The content comes once, so what the server does not take has to be known before.
	if (attributes.storageClass !== undefined && !(await takesClass(context, key, attributes.storageClass, signal))) {
		noteClass(refused, attributes.storageClass, onLeftOut);
	}
	if (!replaces) await assertAbsent(requests, key, signal);
	const parts = { size: partSizeFor(partSize, maxParts, size), maxParts };
	const upload = {
		requests,
		createOnly: replaces ? undefined : createOnly,
		key,
		headers: putHeaders(context, options),
		parts,
		buffers: new PartBuffers((concurrency + 1) * partSize),
	};
	await uploadStream(upload, measured(content, size), signal);
	const head = await headObject(requests, key, signal);
	if (head?.size === size) return head.etag;
	const found = head ? `${head.size} bytes` : 'nothing';
	throw new S3Failure(`${size} bytes were sent, and the server shows ${found}`, {
		status: 200,
		code: 'IncompleteBody',
	});
}

/** Begins an upload of that class and gives it up again. */
async function takesClass(
	{ requests, refused }: PutContext,
	key: string,
	storageClass: string,
	signal: AbortSignal,
): Promise<boolean> {
	if (refused.has(classKey(storageClass))) return false;
	if (refused.has(`takes ${classKey(storageClass)}`)) return true;
	try {
		const headers = { 'x-amz-storage-class': storageClass };
		const { text } = await requests.send({ method: 'POST', key, query: { uploads: '' }, headers, signal });
		const uploadId = /<UploadId>([^<]+)<\/UploadId>/.exec(text)?.[1];
		if (uploadId) await requests.send({ method: 'DELETE', key, query: { uploadId }, signal }).catch(() => {});
		refused.add(`takes ${classKey(storageClass)}`);
		return true;
	} catch (error) {
		if (isClassRefused(error)) return false;
		throw error;
	}
}

function putHeaders({ refused }: PutContext, { attributes = {} }: PutOptions): Record<string, string> {
	const { storageClass, ...others } = attributes;
	const isTaken = storageClass !== undefined && !refused.has(classKey(storageClass));
	return headersOf(isTaken ? attributes : others);
}

function classKey(storageClass: string): string {
	return `storage class ${storageClass}`;
}

function isClassRefused(error: unknown): boolean {
	if (!(error instanceof S3Failure)) return false;
	return error.code === 'InvalidStorageClass' || isNotImplemented(error);
}

function noteClass(refused: Set<string>, storageClass: string, tell: PutOptions['onLeftOut']): void {
	const message = `The server does not know the storage class ${storageClass}: objects of it were stored in the usual one.`;
	noteRefused(refused, classKey(storageClass), message, tell);
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
	}
	return bytes;
}

/** @throws BackupError SOURCE_FAILED where there are more or fewer bytes than were said */
async function* measured(content: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
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
