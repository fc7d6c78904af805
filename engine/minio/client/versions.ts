/**
 * Lists all versions of a bucket's objects (ListObjectVersions), as distrustful as listing.ts is: every page has to be whole, and to go on
 * in the order of keys without naming a version twice. Pages are asked for by the last version that was listed, never by a marker of
 * the server, which may have characters that it escapes in its own way. A page that is wrong is asked for again from the beginning of the
 * key at hand: its versions come out together, when all of them are known. When a listing says that it is over, the server is
 * asked twice more: for what follows the last version, and for what follows the last key. Delete markers that come apart from the versions are
 * put among them (grouped.ts).
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
 */
import { BackupError } from '../../errors';
import { assertRoot, type S3Requests } from '../../storage/s3/requests';
import { textOf } from '../../storage/s3/xml';
import { compareNames, shownName } from '../../tree';
import { ungrouped } from './grouped';
import { outside, TRIES, unreliable, type ListOptions } from './listing';
import { copyOf, decoderOf } from './page';

/** A version of an object, or a marker that says that it was deleted. */
export interface ListedVersion {
	/** `null` for what was stored while the bucket kept no versions. */
	versionId: string;
	isLatest: boolean;
	isDeleteMarker: boolean;
	/** Bytes; 0 for a marker. */
	size: number;
	/** Milliseconds since 1970. */
	modifiedAt: number;
	/** Without quotation marks; empty for a marker. */
	etag: string;
	storageClass?: string;
}

export interface KeyVersions {
	key: string;
	/** The newest first, as the server lists them. */
	versions: ListedVersion[];
}

export type VersionListOptions = Pick<ListOptions, 'prefix' | 'signal' | 'onRepaired'>;

/** They are held in memory together: some 300 bytes each. */
export const MOST_VERSIONS = 250_000;

interface Item {
	key: string;
	version: ListedVersion;
}

interface Page {
	items: readonly Item[];
	isTruncated: boolean;
}

/**
 * Every key that has versions or delete markers, each once, in the order of compareNames, with all of them.
 * @throws S3Failure; BackupError SOURCE_FAILED where the server's list cannot be relied upon, CANCELLED
 */
export async function* listVersions(
	requests: S3Requests,
	options: VersionListOptions = {},
): AsyncGenerator<KeyVersions> {
	const listing = new VersionListing(requests, options);
	for (let page = listing.next(); ;) {
		const complete = await page;
		if (!complete) return;
		// The next page is on its way while this one is worked on; its failure is thrown when it is wanted.
		page = listing.next();
		page.catch(() => {});
		yield* complete;
	}
}

class VersionListing {
	readonly #requests: S3Requests;
	readonly #options: VersionListOptions;
	/** The last key of which all versions are known. */
	#done: string | undefined;
	/** The key after it, of which more may come. */
	#open: KeyVersions | undefined;
	readonly #ids = new Set<string>();
	/** How often that key was begun anew. */
	#restarts = 0;
	#isOver = false;

	constructor(requests: S3Requests, options: VersionListOptions) {
		this.#requests = requests;
		this.#options = options;
	}

	/** The keys that are complete with the next page, which may be none; undefined after the last. */
	async next(): Promise<KeyVersions[] | undefined> {
		if (this.#isOver) return undefined;
		const { items, isTruncated } = await this.#nextPage();
		const complete = this.#taken(items);
		if (isTruncated && items.length > 0) return complete;
		const rest = await this.#beyondEnd();
		if (rest.length > 0) {
			this.#repaired('it said that a page was the last one, and had more');
			return [...complete, ...this.#taken(rest)];
		}
		this.#isOver = true;
		if (this.#open) complete.push(this.#open);
		return complete;
	}

	/** The page that follows the last version, or, where that is wrong, the one that begins with its key. */
	async #nextPage(): Promise<Page> {
		let problem = '';
		for (let isAgain = false; this.#restarts < TRIES; isAgain = true) {
			if (isAgain) this.#giveUpKey();
			const page = await this.#page(this.#afterLast());
			const found = typeof page === 'string' ? page : this.#problemOf(page.items);
			if (found === undefined && typeof page !== 'string') {
				if (isAgain) this.#repaired(problem);
				return page;
			}
			problem = found ?? problem;
			this.#restarts++;
		}
		throw this.#unreliable(problem);
	}

	#giveUpKey(): void {
		this.#open = undefined;
		this.#ids.clear();
	}

	#afterLast(): Record<string, string> {
		const last = this.#open?.versions.at(-1);
		if (this.#open && last) return { 'key-marker': this.#open.key, 'version-id-marker': last.versionId };
		return this.#done === undefined ? {} : { 'key-marker': this.#done };
	}

	/** What the server has after the last version although it said that there was nothing. */
	async #beyondEnd(): Promise<readonly Item[]> {
		const { key = this.#done } = this.#open ?? {};
		for (const where of [this.#afterLast(), key === undefined ? {} : { 'key-marker': key }]) {
			const page = await this.#page(where);
			if (typeof page === 'string') throw this.#unreliable(page);
			if (page.isTruncated && page.items.length === 0) {
				throw this.#unreliable('it says that there is more, and lists nothing');
			}
			// Where the version that is asked by was removed meanwhile, servers begin with its key again.
			const items = page.items.filter(({ key, version }) => {
				return key !== this.#open?.key || !this.#ids.has(version.versionId);
			});
			const problem = this.#problemOf(items);
			if (problem !== undefined) throw this.#unreliable(problem);
			if (items.length > 0) return items;
		}
		return [];
	}

	/** Notes what a page has, which is right. Gives the keys that it completes. */
	#taken(items: readonly Item[]): KeyVersions[] {
		const complete: KeyVersions[] = [];
		for (const { key, version } of items) {
			if (this.#open && this.#open.key !== key) {
				complete.push(this.#open);
				this.#done = this.#open.key;
				this.#restarts = 0;
				this.#giveUpKey();
			}
			this.#open ??= { key, versions: [] };
			if (this.#open.versions.push(version) > MOST_VERSIONS) throw tooMany(this.#requests.settings.bucket, key);
			this.#ids.add(version.versionId);
		}
		return complete;
	}

	async #page(where: Record<string, string>): Promise<Page | string> {
		const { prefix = '', signal } = this.#options;
		const query = { versions: '', ...where, 'encoding-type': 'url', ...(prefix && { prefix }) };
		const answer = await this.#requests.send({ method: 'GET', query, signal });
		assertRoot(answer, 'ListVersionsResult');
		return pageIn(answer.text);
	}

	#problemOf(items: readonly Item[]): string | undefined {
		const { prefix = '' } = this.#options;
		let last = this.#open?.key ?? this.#done;
		let ids: ReadonlySet<string> = this.#open ? this.#ids : new Set();
		let own = new Set<string>();
		for (const { key, version } of items) {
			if (!key.startsWith(prefix)) throw outside(key, prefix);
			const order = last === undefined ? -1 : compareNames(last, key);
			if (order > 0 || (order === 0 && key === this.#done)) {
				return `it listed ${shownName(key)} after ${shownName(last!)}, which is not the order of keys`;
			}
			if (order < 0) {
				ids = new Set();
				own = new Set();
			}
			if (ids.has(version.versionId) || own.has(version.versionId)) {
				return `it listed a version of ${shownName(key)} twice`;
			}
			own.add(version.versionId);
			last = key;
		}
		return undefined;
	}

	#repaired(problem: string): void {
		const { bucket } = this.#requests.settings;
		const message = `The server listed the versions in the bucket ${bucket} wrongly: ${problem}. It was asked again.`;
		this.#options.onRepaired?.(message);
	}

	#unreliable(problem: string): BackupError {
		return unreliable(this.#requests.settings.bucket, problem);
	}
}

const ITEM = /<(Version|DeleteMarker)(?:\s[^>]*)?>([^]*?)<\/\1>/g;

function pageIn(text: string): Page | string {
	if (!/<\/ListVersionsResult>\s*$/.test(text) && !/<ListVersionsResult[^>]*\/>\s*$/.test(text)) {
		return 'a page broke off before its end';
	}
	const decoded = decoderOf(text);
	const items: Item[] = [];
	for (const [, kind, item = ''] of text.matchAll(ITEM)) {
		const read = itemIn(item, kind === 'DeleteMarker', decoded);
		if (typeof read === 'string') return read;
		items.push(read);
	}
	return { items: ungrouped(items), isTruncated: textOf(text, 'IsTruncated') === 'true' };
}

function itemIn(item: string, isDeleteMarker: boolean, decoded: (text: string) => string | undefined): Item | string {
	const key = decoded(textOf(item, 'Key') ?? '');
	if (key === undefined) return 'a key cannot be read: it is not valid UTF-8';
	if (key === '') return 'a version has no key';
	const size = isDeleteMarker ? 0 : Number(textOf(item, 'Size') ?? NaN);
	const modifiedAt = Date.parse(textOf(item, 'LastModified') ?? '');
	if (!Number.isSafeInteger(size) || size < 0) return `a version of ${shownName(key)} has no size`;
	if (Number.isNaN(modifiedAt)) return `a version of ${shownName(key)} has no time`;
	const storageClass = isDeleteMarker ? undefined : textOf(item, 'StorageClass');
	const version: ListedVersion = {
		versionId: copyOf(textOf(item, 'VersionId') || 'null'),
		isLatest: textOf(item, 'IsLatest') === 'true',
		isDeleteMarker,
		size,
		modifiedAt,
		etag: copyOf((textOf(item, 'ETag') ?? '').replace(/"/g, '')),
		...(storageClass && { storageClass: copyOf(storageClass) }),
	};
	return { key: copyOf(key), version };
}

function tooMany(bucket: string, key: string): BackupError {
	const message = `${shownName(key)} in the bucket ${bucket} has more than ${MOST_VERSIONS} versions.`;
	return new BackupError('INVALID_INPUT', message, {
		hint: 'Leave it out by a pattern, back up current versions only, or let a lifecycle rule remove the oldest ones.',
	});
}
