/**
 * Lists a bucket as a sorted stream that is complete, or ends with an error. Servers and what stands before them get listings
 * wrong: they end them early and say that this was all, repeat a marker, repeat or skip keys. A backup or a mirror that
 * believes such a list loses objects. So every page is checked: it has to be whole, as long as it says, and go on in
 * the order of the keys' bytes. A page that is wrong is asked for again by the last good key (`start-after`), and where it is
 * wrong again, the listing fails. When a listing says that it is over, the server is asked twice more what comes after the last key,
 * in both versions of the request, which many servers answer by different code.
 */
import { BackupError } from '../../errors';
import { assertRoot, type S3Requests } from '../../storage/s3/requests';
import { S3Failure } from '../../storage/s3/failure';
import { elements, textOf } from '../../storage/s3/xml';
import { compareNames, shownName } from '../../tree';

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

export interface ListOptions {
	/** What keys begin with. */
	prefix?: string;
	/** Only keys that come after this one. */
	after?: string;
	/** Only keys that come before this one, or are it. */
	until?: string;
	signal?: AbortSignal | undefined;
	/** Called when the server listed wrongly and the listing could go on all the same: a whole sentence. */
	onRepaired?: (message: string) => void;
}

interface Page {
	objects: ListedObject[];
	isTruncated: boolean;
	token: string | undefined;
}

/** How often a page that is wrong is asked for. */
const TRIES = 3;

/**
 * Every object of a bucket, each once, in the order of compareNames.
 * @throws S3Failure; BackupError SOURCE_FAILED where the server's list cannot be relied upon, CANCELLED
 */
export async function* listBucket(requests: S3Requests, options: ListOptions = {}): AsyncGenerator<ListedObject> {
	const { prefix = '', until } = options;
	const listing = new Listing(requests, options);
	for (let page: Promise<Page | undefined> = listing.first(); ;) {
		const { objects } = (await page) ?? {};
		if (!objects) return;
		const isBeyond = until !== undefined && objects.some(({ key }) => compareNames(key, until) > 0);
		// The next page is on its way while this one is worked on; its failure is thrown when it is wanted.
		page = isBeyond ? Promise.resolve(undefined) : listing.next();
		page.catch(() => {});
		for (const object of objects) {
			if (!object.key.startsWith(prefix)) throw outside(object.key, prefix);
			if (until !== undefined && compareNames(object.key, until) > 0) return;
			yield object;
		}
	}
}

class Listing {
	readonly #requests: S3Requests;
	readonly #options: ListOptions;
	/** The last key that was listed. */
	#last: string | undefined;
	#token: string | undefined;
	readonly #tokens = new Set<string>();
	#isOver = false;

	constructor(requests: S3Requests, options: ListOptions) {
		this.#requests = requests;
		this.#options = options;
		this.#last = options.after;
	}

	async first(): Promise<Page | undefined> {
		return await this.#advance(this.#last === undefined ? {} : { 'start-after': this.#last });
	}

	/** Undefined after the last page. */
	async next(): Promise<Page | undefined> {
		if (this.#token !== undefined) return await this.#advance({ 'continuation-token': this.#token });
		if (!this.#isOver) return await this.#advance(this.#afterLast());
		return undefined;
	}

	#afterLast(): Record<string, string> {
		return this.#last === undefined ? {} : { 'start-after': this.#last };
	}

	/** The page that a request gives, or, where that is wrong, the one that follows the last good key. */
	async #advance(where: Record<string, string>): Promise<Page | undefined> {
		let problem = '';
		for (let tries = 1; tries <= TRIES; tries++) {
			const page = await this.#page(tries === 1 ? where : this.#afterLast());
			const found = typeof page === 'string' ? page : this.#problemOf(page);
			if (found === undefined && typeof page !== 'string') {
				if (tries > 1) this.#repaired(problem);
				return await this.#taken(page);
			}
			problem = found ?? problem;
		}
		throw unreliable(this.#requests.settings.bucket, problem);
	}

	async #taken(page: Page): Promise<Page | undefined> {
		this.#last = page.objects.at(-1)?.key ?? this.#last;
		this.#token = page.isTruncated ? page.token : undefined;
		if (this.#token !== undefined) {
			if (this.#tokens.has(this.#token)) {
				this.#repaired('it repeated the marker of a page');
				this.#token = undefined;
			} else {
				// A server that repeats one does it at once, not after millions of objects.
				if (this.#tokens.size >= 1000) this.#tokens.clear();
				this.#tokens.add(this.#token);
			}
		}
		if (page.isTruncated) {
			// It says that there is more and gives nothing: what comes after the last key tells whether there is.
			if (page.objects.length > 0 || this.#token !== undefined) return page;
		}
		const rest = await this.#beyondEnd();
		if (!rest) {
			this.#isOver = true;
			return page.objects.length > 0 ? page : undefined;
		}
		this.#repaired('it said that a page was the last one, and had more');
		this.#last = rest.objects.at(-1)?.key ?? this.#last;
		this.#token = undefined;
		return { ...rest, objects: [...page.objects, ...rest.objects] };
	}

	/** What the server has after the last key although it said that there was nothing; undefined for nothing. */
	async #beyondEnd(): Promise<Page | undefined> {
		const last = this.#last ?? '';
		for (const query of [{ 'list-type': '2', 'start-after': last }, { marker: last }] as Record<string, string>[]) {
			const page = await this.#page(query);
			const problem = typeof page === 'string' ? page : this.#problemOf(page);
			if (typeof page === 'string' || problem !== undefined) {
				throw unreliable(this.#requests.settings.bucket, problem ?? '');
			}
			if (page.objects.length > 0) return page;
		}
		return undefined;
	}

	/** One page; a text where the answer is not a whole one. */
	async #page(where: Record<string, string>): Promise<Page | string> {
		const { prefix = '', signal } = this.#options;
		const version: Record<string, string> = 'marker' in where ? {} : { 'list-type': '2' };
		const filled = Object.fromEntries(Object.entries(where).filter(([, value]) => value !== ''));
		const query: Record<string, string> = { ...version, ...filled, 'encoding-type': 'url', ...(prefix && { prefix }) };
		const answer = await this.#requests.send({ method: 'GET', query, signal });
		assertRoot(answer, 'ListBucketResult');
		return pageIn(answer.text);
	}

	#problemOf({ objects }: Page): string | undefined {
		let last = this.#last;
		for (const { key } of objects) {
			if (last !== undefined) {
				const order = compareNames(last, key);
				if (order === 0) return `it listed ${shownName(key)} twice`;
				if (order > 0) return `it listed ${shownName(key)} after ${shownName(last)}, which is not the order of keys`;
			}
			last = key;
		}
		return undefined;
	}

	#repaired(problem: string): void {
		const { bucket } = this.#requests.settings;
		this.#options.onRepaired?.(`The server listed the bucket ${bucket} wrongly: ${problem}. It was asked again.`);
	}
}

function pageIn(text: string): Page | string {
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
	const objects: ListedObject[] = [];
	for (const item of items) {
		const object = objectIn(item, decoded);
		if (typeof object === 'string') return object;
		objects.push(object);
	}
	const isTruncated = textOf(text, 'IsTruncated') === 'true';
	return { objects, isTruncated, token: textOf(text, 'NextContinuationToken') || undefined };
}

function objectIn(item: string, decoded: (text: string) => string | undefined): ListedObject | string {
	const key = decoded(textOf(item, 'Key') ?? '');
	if (key === undefined) return 'a key cannot be read: it is not valid UTF-8';
	if (key === '') return 'an object has no key';
	const size = Number(textOf(item, 'Size') ?? NaN);
	const modifiedAt = Date.parse(textOf(item, 'LastModified') ?? '');
	if (!Number.isSafeInteger(size) || size < 0) return `${shownName(key)} has no size`;
	if (Number.isNaN(modifiedAt)) return `${shownName(key)} has no time`;
	const storageClass = textOf(item, 'StorageClass');
	return {
		key: copyOf(key),
		size,
		modifiedAt,
		etag: copyOf((textOf(item, 'ETag') ?? '').replace(/"/g, '')),
		...(storageClass && { storageClass: copyOf(storageClass) }),
	};
}

/** V8 cuts a text out of another by pointing into it, so whoever keeps a key would keep the whole page in memory. */
function copyOf(text: string): string {
	return Buffer.from(text).toString();
}

/** Keys are percent-encoded where the server says so; it may ignore that it was asked to. */
function decoderOf(page: string): (text: string) => string | undefined {
	if (textOf(page, 'EncodingType') !== 'url') return (text) => text;
	return (text) => {
		try {
			return text.includes('%') || text.includes('+') ? decodeURIComponent(text.replaceAll('+', ' ')) : text;
		} catch {
			return undefined;
		}
	};
}

function outside(key: string, prefix: string): S3Failure {
	return new S3Failure(`The server listed ${shownName(key)}, which does not begin with ${shownName(prefix)}`, {
		status: 200,
		code: 'InvalidListing',
	});
}

function unreliable(bucket: string, problem: string): BackupError {
	return new BackupError('SOURCE_FAILED', `The list of the bucket ${bucket} cannot be relied upon: ${problem}.`, {
		hint: "Nothing was stored or removed because of it. It is a fault of the server, or of a cache before it; the server's log may say more.",
	});
}
