import { isBehind } from '../keys';
import type { ListOptions } from '../storage';
import { assertRoot, type S3Requests } from './requests';
import { elements, textOf } from './xml';

export interface ListedObject {
	/** The whole key in the bucket. */
	key: string;
	size: number;
	modifiedAt: Date;
	etag?: string;
}

/** Where a page of a list begins. */
type PageStart = Partial<Record<'continuation-token' | 'start-after', string>>;

/**
 * Every object below a prefix, page by page (ListObjectsV2). A page tells where the next one begins, so pages come one after
 * the other; each is asked for before the reader gets the objects of the one before it. A reader that leaves early does not get
 * the page that was asked for.
 * @param options whole keys in the bucket; a server that does not begin where it is told to costs pages, and changes nothing else
 * @throws S3Failure; BackupError CANCELLED
 */
export async function* listObjects(
	requests: S3Requests,
	prefix: string,
	signal?: AbortSignal,
	{ after, before, without }: ListOptions = {},
): AsyncGenerator<ListedObject, void, undefined> {
	const pageAt = async (start: PageStart): Promise<Page> => {
		const query: Record<string, string> = { 'list-type': '2', 'encoding-type': 'url', prefix, ...start };
		const answer = await requests.send({ method: 'GET', query, signal });
		assertRoot(answer, 'ListBucketResult');
		return pageOf(answer.text);
	};
	/** Behind all that is left out; tried once, for a server that takes no notice of it would begin at the start again. */
	let leap = without === undefined ? undefined : `${without}${LAST_IN_FOLDER}`;
	for (let page: Promise<Page> | undefined = pageAt(after === undefined ? {} : { 'start-after': after }); page;) {
		const current: Page = await page;
		const { token } = current;
		let next: Promise<Page> | undefined;
		if (token !== undefined && without !== undefined && leap !== undefined && lastKeyOf(current)?.startsWith(without)) {
			next = leapOver(pageAt, leap, token);
			leap = undefined;
		} else if (token !== undefined) next = pageAt({ 'continuation-token': token });
		page = next;
		// Its failure is thrown when the page is wanted.
		page?.catch(() => {});
		for (const object of objectsOf(current)) {
			if (before !== undefined && !isBehind(before, object.key)) return;
			if (after !== undefined && !isBehind(object.key, after)) continue;
			if (without === undefined || !object.key.startsWith(without)) yield object;
		}
	}
}

/** Nothing that this package names comes behind it in a folder. */
const LAST_IN_FOLDER = '~';

/**
 * A page of a list. It waits while the one before it is read, and is read bit by bit: as one text of hundreds of kilobytes V8's garbage
 * collector would meet it each time, take its young generation for too small, and in the end for good have a hundred megabytes more.
 */
interface Page {
	content: Buffer;
	/** Where the next one begins; undefined for the last. */
	token: string | undefined;
	decoded: (text: string) => string;
}

const END_OF_ITEM = Buffer.from('</Contents>');
/** Bytes that become text at once, and some more. */
const BIT = 8 * 1024;

function pageOf(text: string): Page {
	const token = textOf(text, 'IsTruncated') === 'true' ? textOf(text, 'NextContinuationToken') : undefined;
	return {
		content: Buffer.from(text),
		token: token === undefined ? undefined : copyOf(token),
		decoded: decoderOf(text),
	};
}

async function leapOver(pageAt: (start: PageStart) => Promise<Page>, leap: string, token: string): Promise<Page> {
	const page = await pageAt({ 'start-after': leap });
	const [first] = objectsOf(page);
	return first === undefined || isBehind(first.key, leap) ? page : await pageAt({ 'continuation-token': token });
}

function lastKeyOf({ content, decoded }: Page): string | undefined {
	const last = content.toString('utf8', Math.max(0, content.lastIndexOf('<Contents>')));
	const key = textOf(last, 'Key');
	return key === undefined ? undefined : decoded(key);
}

function* objectsOf({ content, decoded }: Page): Generator<ListedObject, void, undefined> {
	const last = content.lastIndexOf(END_OF_ITEM);
	for (let from = 0; from <= last;) {
		const end = content.indexOf(END_OF_ITEM, Math.min(from + BIT, last));
		const bit = content.toString('utf8', from, end + END_OF_ITEM.length);
		from = end + END_OF_ITEM.length;
		for (const item of elements(bit, 'Contents')) {
			const etag = textOf(item, 'ETag')?.replace(/"/g, '');
			yield {
				key: copyOf(decoded(textOf(item, 'Key') ?? '')),
				size: Number(textOf(item, 'Size')),
				modifiedAt: new Date(textOf(item, 'LastModified') ?? NaN),
				...(etag && { etag }),
			};
		}
	}
}

/** V8 cuts a text out of another by pointing into it, so whoever keeps a key would keep all that it came with in memory. */
function copyOf(text: string): string {
	return Buffer.from(text).toString();
}

export interface ListedUpload {
	/** The whole key in the bucket. */
	key: string;
	uploadId: string;
	initiatedAt: Date;
}

/**
 * Every unfinished multipart upload below a prefix, page by page (ListMultipartUploads).
 * @throws S3Failure; BackupError CANCELLED
 */
export async function* listUploads(
	requests: S3Requests,
	prefix: string,
	signal?: AbortSignal,
): AsyncGenerator<ListedUpload, void, undefined> {
	let marker: { key: string; id: string } | undefined;
	do {
		const query: Record<string, string> = { uploads: '', 'encoding-type': 'url', prefix };
		if (marker) Object.assign(query, { 'key-marker': marker.key, 'upload-id-marker': marker.id });
		const answer = await requests.send({ method: 'GET', query, signal });
		assertRoot(answer, 'ListMultipartUploadsResult');
		const { text } = answer;
		const decoded = decoderOf(text);
		for (const item of elements(text, 'Upload')) {
			yield {
				key: decoded(textOf(item, 'Key') ?? ''),
				uploadId: textOf(item, 'UploadId') ?? '',
				initiatedAt: new Date(textOf(item, 'Initiated') ?? NaN),
			};
		}
		marker = textOf(text, 'IsTruncated') === 'true' ? nextMarker(text) : undefined;
	} while (marker);
}

/**
 * When the newest part of an unfinished upload was sent; undefined where it has none (ListParts).
 * @throws S3Failure, NoSuchUpload where it is unfinished no more; BackupError CANCELLED
 */
export async function newestPartAt(
	requests: S3Requests,
	{ key, uploadId }: ListedUpload,
	signal?: AbortSignal,
): Promise<Date | undefined> {
	let newest: Date | undefined;
	let marker: string | undefined;
	do {
		const query = { uploadId, ...(marker !== undefined && { 'part-number-marker': marker }) };
		const answer = await requests.send({ method: 'GET', key, query, signal });
		assertRoot(answer, 'ListPartsResult');
		const { text } = answer;
		for (const item of elements(text, 'Part')) {
			const sentAt = new Date(textOf(item, 'LastModified') ?? NaN);
			if (!(newest && newest >= sentAt)) newest = sentAt;
		}
		marker = textOf(text, 'IsTruncated') === 'true' ? textOf(text, 'NextPartNumberMarker') : undefined;
	} while (marker !== undefined);
	return newest;
}

function nextMarker(page: string): { key: string; id: string } {
	return {
		key: decoderOf(page)(textOf(page, 'NextKeyMarker') ?? ''),
		id: textOf(page, 'NextUploadIdMarker') ?? '',
	};
}

/**
 * Keys are percent-encoded where the server says so; it may ignore that it was asked to. The page says it once, and is
 * searched for it once: a page has a thousand keys.
 */
function decoderOf(page: string): (text: string) => string {
	return textOf(page, 'EncodingType') === 'url' ? decodedUrl : asItIs;
}

function asItIs(text: string): string {
	return text;
}

function decodedUrl(text: string): string {
	return decodeURIComponent(text.replaceAll('+', ' '));
}
