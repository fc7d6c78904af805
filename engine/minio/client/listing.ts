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
import { compareNames, shownName } from '../../tree';
import { pageIn, type ListedObject, type ListPage } from './page';

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

/** How often a page that is wrong is asked for. */
export const TRIES = 3;
/** So many pages in a row may have no keys; they are what a server shows of objects that were deleted. */
const MOST_WITHOUT_KEYS = 10_000;
const NOTHING = 'it says that there is more, and lists nothing';

/**
 * Every object of a bucket, each once, in the order of compareNames.
 * @throws S3Failure; BackupError SOURCE_FAILED where the server's list cannot be relied upon, CANCELLED
 */
export async function* listBucket(requests: S3Requests, options: ListOptions = {}): AsyncGenerator<ListedObject> {
	for await (const objects of listPages(requests, options)) yield* objects;
}

/** The same by pages, each to be read to its end before the next: to wait for each object takes longer than to compare it. */
export async function* listPages(
	requests: S3Requests,
	options: ListOptions = {},
): AsyncGenerator<Iterable<ListedObject>> {
	const { prefix = '', until } = options;
	const isAll = prefix === '' && until === undefined;
	const listing = new Listing(requests, options);
	const wanted = function* (page: ListPage): Generator<ListedObject, void> {
		for (const object of page.objects()) {
			if (!object.key.startsWith(prefix)) throw outside(object.key, prefix);
			if (until !== undefined && compareNames(object.key, until) > 0) return;
			yield object;
		}
	};
	// None is fetched ahead: a server takes many times as long for a page as it takes to compare one.
	for (let page = await listing.first(); page; page = await listing.next()) {
		yield isAll ? page.objects() : wanted(page);
		if (until !== undefined && compareNames(page.lastKey ?? '', until) > 0) return;
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
	/** Pages in a row that had none. */
	#withoutKeys = 0;

	constructor(requests: S3Requests, options: ListOptions) {
		this.#requests = requests;
		this.#options = options;
		this.#last = options.after;
	}

	async first(): Promise<ListPage | undefined> {
		return await this.#advance(this.#last === undefined ? {} : { 'start-after': this.#last });
	}

	/** Undefined after the last page. */
	async next(): Promise<ListPage | undefined> {
		if (this.#token !== undefined) return await this.#advance({ 'continuation-token': this.#token });
		if (!this.#isOver) return await this.#advance(this.#afterLast());
		return undefined;
	}

	#afterLast(): Record<string, string> {
		return this.#last === undefined ? {} : { 'start-after': this.#last };
	}

	/** The page that a request gives, or, where that is wrong, the one that follows the last good key. */
	async #advance(where: Record<string, string>): Promise<ListPage | undefined> {
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
		throw this.#unreliable(problem);
	}

	#unreliable(problem: string): BackupError {
		return unreliable(this.#requests.settings.bucket, problem);
	}

	async #taken(page: ListPage): Promise<ListPage | undefined> {
		this.#withoutKeys = page.count > 0 ? 0 : this.#withoutKeys + 1;
		if (this.#withoutKeys > MOST_WITHOUT_KEYS) throw this.#unreliable(NOTHING);
		this.#last = page.lastKey ?? this.#last;
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
			if (page.count > 0 || this.#token !== undefined) return page;
		}
		const rest = await this.#beyondEnd();
		if (!rest) {
			this.#isOver = true;
			return page.count > 0 ? page : undefined;
		}
		this.#repaired('it said that a page was the last one, and had more');
		this.#last = rest.lastKey ?? this.#last;
		this.#token = undefined;
		return page.followedBy(rest);
	}

	/** What the server has after the last key although it said that there was nothing; undefined for nothing. */
	async #beyondEnd(): Promise<ListPage | undefined> {
		const last = this.#last ?? '';
		for (const query of [{ 'list-type': '2', 'start-after': last }, { marker: last }] as Record<string, string>[]) {
			const page = await this.#pageWithKeys(query);
			if (page.count > 0) return page;
		}
		return undefined;
	}

	/** The first page that has keys, or is the last one: where many objects were deleted, some servers give pages without any. */
	async #pageWithKeys(where: Record<string, string>): Promise<ListPage> {
		const seen = new Set<string>();
		for (let next = where; ;) {
			const page = await this.#page(next);
			const problem = typeof page === 'string' ? page : this.#problemOf(page);
			if (typeof page === 'string' || problem !== undefined) throw this.#unreliable(problem ?? '');
			if (page.count > 0 || !page.isTruncated) return page;
			const { token } = page;
			if (token === undefined || seen.has(token) || seen.size >= MOST_WITHOUT_KEYS) throw this.#unreliable(NOTHING);
			seen.add(token);
			next = { 'continuation-token': token };
		}
	}

	/** One page; a text where the answer is not a whole one. */
	async #page(where: Record<string, string>): Promise<ListPage | string> {
		const { prefix = '', signal } = this.#options;
		const version: Record<string, string> = 'marker' in where ? {} : { 'list-type': '2' };
		const filled = Object.fromEntries(Object.entries(where).filter(([, value]) => value !== ''));
		const query: Record<string, string> = { ...version, ...filled, 'encoding-type': 'url', ...(prefix && { prefix }) };
		const answer = await this.#requests.send({ method: 'GET', query, signal });
		assertRoot(answer, 'ListBucketResult');
		return pageIn(answer.text);
	}

	#problemOf(page: ListPage): string | undefined {
		let last = this.#last;
		for (const key of page.keys) {
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

export function outside(key: string, prefix: string): S3Failure {
	return new S3Failure(`The server listed ${shownName(key)}, which does not begin with ${shownName(prefix)}`, {
		status: 200,
		code: 'InvalidListing',
	});
}

export function unreliable(bucket: string, problem: string): BackupError {
	return new BackupError('SOURCE_FAILED', `The list of the bucket ${bucket} cannot be relied upon: ${problem}.`, {
		hint: "Nothing was stored or removed because of it. It is a fault of the server, or of a cache before it; the server's log may say more.",
	});
}
