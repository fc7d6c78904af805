/**
 * Content that an earlier backup has under another name: what was the current object is an older version now. Its entries are read a
 * second time for that, along with those that ask, and only where any does.
 */
import type { EntryFacts, TreeEntry } from './entry';
import { compareNames } from './name';
import type { TreeSource } from './source';

export class FormerEntries {
	readonly #former: NonNullable<TreeSource['former']>;
	readonly #read: () => AsyncGenerator<TreeEntry>;
	#entries: AsyncGenerator<TreeEntry> | undefined;
	/** The entry that comes after those of `#held`. */
	#next: TreeEntry | undefined;
	/** All entries of the name that was asked for last. */
	#held: { name: string; entries: TreeEntry[] } | undefined;

	/** @param read begins to read the entries of the earlier backup, in order; a name may come several times */
	constructor(former: NonNullable<TreeSource['former']>, read: () => AsyncGenerator<TreeEntry>) {
		this.#former = former;
		this.#read = read;
	}

	/** What is known of an entry by its former name; undefined where nothing is. @throws what reading throws */
	async find(facts: EntryFacts): Promise<TreeEntry | undefined> {
		const name = this.#former.nameOf(facts);
		if (name === undefined) return undefined;
		for (const entry of await this.#entriesOf(name)) {
			const known = this.#former.knownAs(facts, entry);
			if (known?.content) return { ...known, content: { ...known.content, former: true } };
		}
		return undefined;
	}

	async close(): Promise<void> {
		await this.#entries?.return(undefined);
	}

	async #entriesOf(name: string): Promise<readonly TreeEntry[]> {
		if (this.#held?.name === name) return this.#held.entries;
		if (!this.#entries) {
			this.#entries = this.#read();
			await this.#advance();
		}
		while (this.#next && compareNames(this.#next.name, name) < 0) await this.#advance();
		this.#held = { name, entries: [] };
		for (; this.#next?.name === name; await this.#advance()) this.#held.entries.push(this.#next);
		return this.#held.entries;
	}

	async #advance(): Promise<void> {
		const next = await this.#entries!.next();
		this.#next = next.done ? undefined : next.value;
	}
}
