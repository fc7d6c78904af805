import { assertRoot, type S3Requests } from './requests';
import { elements, textOf } from './xml';

export interface ListedObject {
	/** The whole key in the bucket. */
	key: string;
	size: number;
	modifiedAt: Date;
	etag?: string;
}

/**
 * Every object below a prefix, page by page (ListObjectsV2). A page tells where the next one begins, so pages come one after
 * the other; each is asked for before the reader gets the objects of the one before it. A reader that leaves early does not get
 * the page that was asked for.
 * @throws S3Failure; BackupError CANCELLED
 */
export async function* listObjects(
	requests: S3Requests,
	prefix: string,
	signal?: AbortSignal,
): AsyncGenerator<ListedObject, void, undefined> {
	const pageAt = async (token?: string): Promise<string> => {
		const query: Record<string, string> = { 'list-type': '2', 'encoding-type': 'url', prefix };
		if (token !== undefined) query['continuation-token'] = token;
		const answer = await requests.send({ method: 'GET', query, signal });
		assertRoot(answer, 'ListBucketResult');
		return answer.text;
	};
	for (let page: Promise<string> | undefined = pageAt(); page;) {
		const text: string = await page;
		const token = textOf(text, 'IsTruncated') === 'true' ? textOf(text, 'NextContinuationToken') : undefined;
		page = token === undefined ? undefined : pageAt(token);
		// Its failure is thrown when the page is wanted.
		page?.catch(() => {});
		yield* objectsOf(text);
	}
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
