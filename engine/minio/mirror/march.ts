/**
 * Reads three sorted lists side by side: what the source holds, what the target holds, and what was recorded of the copies.
 * They come by pages; in memory is one of each. What two pages have in common is compared without waiting: with a promise for
 * each name, a million of them would take several times as long, and leave most of the garbage.
 */
import { BackupError } from '../../errors';
import { compareNames, shownName } from '../../tree';
import type { Listed } from './place';
import type { StateRecord } from './state';

/** All that is known of one name. */
export interface Met {
	name: string;
	source: Listed | undefined;
	target: Listed | undefined;
	record: StateRecord | undefined;
}

export interface SortedList<T> {
	pages: AsyncIterable<Iterable<T>>;
	/** Where it comes from, for messages. */
	description: string;
}

export interface MarchLists {
	source: SortedList<Listed>;
	target: SortedList<Listed>;
	records: SortedList<StateRecord>;
}

/**
 * Every name that one of the lists has, once, in order. They come by runs, each to be read to its end before the next.
 * @throws what the lists throw; BackupError SOURCE_FAILED where one of them is not sorted
 */
export async function* march(lists: MarchLists): AsyncGenerator<Generator<Met, void>, void, undefined> {
	const source = new Head(lists.source);
	const target = new Head(lists.target);
	const records = new Head(lists.records);
	const heads = [source, target, records];
	const run = function* (): Generator<Met, void> {
		while (!heads.some((head) => head.isWaiting)) {
			const name = smallest(source.first, target.first, records.first);
			if (name === undefined) return;
			yield { name, source: source.take(name), target: target.take(name), record: records.take(name) };
		}
	};
	try {
		for (;;) {
			await Promise.all(heads.map(async (head) => await head.fill()));
			if (heads.every(({ first }) => first === undefined)) return;
			yield run();
		}
	} finally {
		await Promise.allSettled(heads.map(async (head) => await head.close()));
	}
}

/** Where one of the lists is. */
class Head<T extends { name: string }> {
	/** The next of the list; undefined at its end, and before the next page. */
	first: T | undefined;
	/** Whether the next page has to come first. */
	isWaiting = true;
	readonly #pages: AsyncIterator<Iterable<T>>;
	readonly #description: string;
	#page: Iterator<T> | undefined;
	/** The name of the one before. */
	#before: string | undefined;

	constructor({ pages, description }: SortedList<T>) {
		this.#pages = pages[Symbol.asyncIterator]();
		this.#description = description;
	}

	/** Comes to the next page that holds something. */
	async fill(): Promise<void> {
		while (this.isWaiting) {
			const next = await this.#pages.next();
			if (next.done) {
				this.isWaiting = false;
				return;
			}
			this.#page = next.value[Symbol.iterator]();
			this.isWaiting = false;
			this.#advance();
		}
	}

	/** The next of the list, where it has this name; then the one after it is the next. */
	take(name: string): T | undefined {
		const { first } = this;
		if (first?.name !== name) return undefined;
		this.#advance();
		return first;
	}

	async close(): Promise<void> {
		await this.#pages.return?.();
	}

	#advance(): void {
		const next = this.#page?.next();
		this.isWaiting = next?.done !== false;
		this.first = next?.done === false ? next.value : undefined;
		if (!this.first) return;
		const { name } = this.first;
		if (this.#before !== undefined && compareNames(this.#before, name) >= 0) {
			throw outOfOrder(this.#description, name, this.#before);
		}
		this.#before = name;
	}
}

function smallest(...heads: ({ name: string } | undefined)[]): string | undefined {
	let name: string | undefined;
	for (const head of heads) {
		if (head && (name === undefined || (head.name !== name && compareNames(head.name, name) < 0))) name = head.name;
	}
	return name;
}

/** Out of order, or with a page that comes twice, a list would be compared wrongly. */
function outOfOrder(description: string, name: string, before: string): BackupError {
	return new BackupError(
		'SOURCE_FAILED',
		`The listing of the ${description} is out of order: ${shownName(name)} comes after ${shownName(before)}. Nothing was removed.`,
		{
			hint: 'The server, or a proxy before it, repeats a page or sorts in an order that is not that of S3. Run the mirror again; if it stays, the server cannot be mirrored.',
		},
	);
}
