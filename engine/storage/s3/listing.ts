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
	const pageAt = async (start: PageStart): Promise<string> => {
		const query: Record<string, string> = { 'list-type': '2', 'encoding-type': 'url', prefix, ...start };
		const answer = await requests.send({ method: 'GET', query, signal });
		assertRoot(answer, 'ListBucketResult');
		return answer.text;
	};
	/** Behind all that is left out; tried once, for a server that takes no notice of it would begin at the start again. */
	let leap = without === undefined ? undefined : `${without}${LAST_IN_FOLDER}`;
	for (let page: Promise<string> | undefined = pageAt(after === undefined ? {} : { 'start-after': after }); page;) {
		const text: string = await page;
		const token = textOf(text, 'IsTruncated') === 'true' ? textOf(text, 'NextContinuationToken') : undefined;
		let next: Promise<string> | undefined;
		if (token !== undefined && without !== undefined && leap !== undefined && lastKeyOf(text)?.startsWith(without)) {
			next = leapOver(pageAt, leap, token);
			leap = undefined;
		} else if (token !== undefined) next = pageAt({ 'continuation-token': token });
		page = next;
		// Its failure is thrown when the page is wanted.
		page?.catch(() => {});
		for (const object of objectsOf(text)) {
			if (before !== undefined && !isBehind(before, object.key)) return;
			if (after !== undefined && !isBehind(object.key, after)) continue;
			if (without === undefined || !object.key.startsWith(without)) yield object;
		}
	}
}

/** Nothing that this package names comes behind it in a folder. */
const LAST_IN_FOLDER = '~';

async function leapOver(pageAt: (start: PageStart) => Promise<string>, leap: string, token: string): Promise<string> {
	const page = await pageAt({ 'start-after': leap });
	const [first] = objectsOf(page);
	return first === undefined || isBehind(first.key, leap) ? page : await pageAt({ 'continuation-token': token });
}

function lastKeyOf(page: string): string | undefined {
	const last = page.slice(Math.max(0, page.lastIndexOf('<Contents>')));
	const key = textOf(last, 'Key');
	return key === undefined ? undefined : decoderOf(page)(key);
}

function* objectsOf(page: string): Generator<ListedObject, void, undefined> {
	const decoded = decoderOf(page);
	for (const item of elements(page, 'Contents')) {
		const etag = textOf(item, 'ETag')?.replace(/"/g, '');
		yield {
			key: copyOf(decoded(textOf(item, 'Key') ?? '')),
			size: Number(textOf(item, 'Size')),
			modifiedAt: new Date(textOf(item, 'LastModified') ?? NaN),
			...(etag && { etag }),
		};
	}
}

/** V8 cuts a text out of another by pointing into it, so whoever keeps a key would keep the whole page in memory. */
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
	if (textOf(page, 'EncodingType') !== 'url') return (text) => text;
	return (text) => decodeURIComponent(text.replaceAll('+', ' '));
}
