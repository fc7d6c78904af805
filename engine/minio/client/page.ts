/** One page of the list of a bucket, as a server sends it. */
import { elements, etagIn, textOf } from '../../storage/s3/xml';
import { shownName } from '../../tree';

export interface ListedObject {
	key: string;
	/** Bytes. */
	size: number;
	/** Milliseconds since 1970. */
	modifiedAt: number;
	/** Without quotation marks; empty where the server tells none. */
	etag: string;
	storageClass?: string;
}

/**
 * The objects of a page. Each is made when its turn comes: those of a page that waits for its turn would be moved about by V8, which
 * takes the more memory for what is new the more of it stays for a while.
 */
export class ListPage {
	readonly keys: string[] = [];
	readonly #etags: string[] = [];
	readonly #storageClasses: (string | undefined)[] = [];
	/** The size and the time of each object. */
	readonly #numbers: number[] = [];

	/** @param token for the next page, where the server says that there is one */
	constructor(
		readonly isTruncated: boolean,
		readonly token: string | undefined,
	) {}

	get count(): number {
		return this.keys.length;
	}

	get lastKey(): string | undefined {
		return this.keys.at(-1);
	}

	/** Adds an object, of which what is kept is kept apart from the page. */
	add(key: string, size: number, modifiedAt: number, etag: string, storageClass: string | undefined): void {
		this.keys.push(copyOf(key));
		this.#numbers.push(size, modifiedAt);
		this.#etags.push(copyOf(etag));
		this.#storageClasses.push(storageClass && this.#classOf(storageClass));
	}

	/** A page has few of them. */
	#classOf(storageClass: string): string {
		const last = this.#storageClasses.at(-1);
		return last === storageClass ? last : copyOf(storageClass);
	}

	*objects(): Generator<ListedObject, void> {
		for (let index = 0; index < this.count; index++) {
			const key = this.keys[index]!;
			const size = this.#numbers[2 * index]!;
			const modifiedAt = this.#numbers[2 * index + 1]!;
			const object: ListedObject = { key, size, modifiedAt, etag: this.#etags[index]! };
			const storageClass = this.#storageClasses[index];
			if (storageClass !== undefined) object.storageClass = storageClass;
			yield object;
		}
	}

	/** The objects of both, and what the other says of what follows. */
	followedBy(other: ListPage): ListPage {
		const both = new ListPage(other.isTruncated, other.token);
		for (const page of [this, other]) {
			for (const { key, size, modifiedAt, etag, storageClass } of page.objects()) {
				both.add(key, size, modifiedAt, etag, storageClass);
			}
		}
		return both;
	}
}

/** What an answer holds; a text that says what is wrong where it is no whole page. */
export function pageIn(text: string): ListPage | string {
	if (!/<\/ListBucketResult>\s*$/.test(text) && !/<ListBucketResult[^>]*\/>\s*$/.test(text)) {
		return 'a page broke off before its end';
	}
	const items = elements(text, 'Contents');
	const stated = Number(textOf(text, 'KeyCount') ?? NaN);
	const prefixes = elements(text, 'CommonPrefixes').length;
	if (!Number.isNaN(stated) && stated !== items.length + prefixes) {
		return `a page says that it has ${stated} keys, and has ${items.length}`;
	}
	const decoded = decoderOf(text);
	const token = textOf(text, 'NextContinuationToken');
	const page = new ListPage(textOf(text, 'IsTruncated') === 'true', token ? copyOf(token) : undefined);
	for (const item of items) {
		const problem = take(page, item, decoded);
		if (problem !== undefined) return problem;
	}
	return page;
}

/** Adds an object to a page. @returns what is wrong with it, if anything */
function take(page: ListPage, item: string, decoded: (text: string) => string | undefined): string | undefined {
	const key = decoded(textOf(item, 'Key') ?? '');
	if (key === undefined) return 'a key cannot be read: it is not valid UTF-8';
	if (key === '') return 'an object has no key';
	const size = Number(textOf(item, 'Size') ?? NaN);
	const modifiedAt = Date.parse(textOf(item, 'LastModified') ?? '');
	if (!Number.isSafeInteger(size) || size < 0) return `${shownName(key)} has no size`;
	if (Number.isNaN(modifiedAt)) return `${shownName(key)} has no time`;
	page.add(key, size, modifiedAt, etagIn(item), textOf(item, 'StorageClass'));
	return undefined;
}

/**
 * V8 cuts a text out of another by pointing into it, so whoever keeps a key would keep the whole page in memory. What comes out of a buffer
 * has a memory of its own.
 */
export function copyOf(text: string): string {
	// A character takes three bytes at most.
	if (3 * text.length > scratch.length) scratch = Buffer.allocUnsafeSlow(6 * text.length);
	return scratch.toString('utf8', 0, scratch.write(text));
}

let scratch = Buffer.allocUnsafeSlow(4096);

/** Keys are percent-encoded where the server says so; it may ignore that it was asked to. */
export function decoderOf(page: string): (text: string) => string | undefined {
	if (textOf(page, 'EncodingType') !== 'url') return (text) => text;
	return (text) => {
		try {
			return text.includes('%') || text.includes('+') ? decodeURIComponent(text.replaceAll('+', ' ')) : text;
		} catch {
			return undefined;
		}
	};
}
