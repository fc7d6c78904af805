import type { StoredObject } from '../../storage/storage';
import { MANIFEST_SUFFIX } from '../manifest/manifest';
import { VERIFICATION_SUFFIX } from '../naming';
import { KeyTable } from './key-table';
import { NumberTable } from './number-table';
import { TextColumn } from './text-column';
import { checkedLine, type CatalogLine, type UncheckedLine } from './stored';

/** Columns of the table of numbers; a yes is 1. */
const SIZE = 0;
const MODIFIED_AT = 1;
const MANIFEST_SIZE = 2;
const MANIFEST_MODIFIED_AT = 3;
const RECORD_SIZE = 4;
const RECORD_MODIFIED_AT = 5;
const IS_KNOWN = 6;
const HAS_LINE = 7;
/** The number of its manifest's ETag among all of them. */
const ETAG = 8;
const COLUMNS = 9;

interface Columns<T> {
	keys: KeyTable;
	numbers: NumberTable;
	etags: TextColumn;
	/** Few archives share their bytes. */
	shared: Map<number, string>;
	kept: (T | undefined)[];
}

/**
 * What a storage lists, archive by archive, in the order in which they came. An object for each of a hundred thousand would take
 * three times the memory, and V8's garbage collector would take as much again to move them about. So all of it stands in tables
 * outside of the heap, and an object that tells of an archive is made when somebody asks.
 */
export class ArchiveListing<T> implements Iterable<ListedArchive<T>> {
	readonly #columns: Columns<T> = {
		keys: new KeyTable(),
		numbers: new NumberTable(COLUMNS),
		etags: new TextColumn(),
		shared: new Map(),
		kept: [],
	};

	/** How many archives there are. */
	get size(): number {
		return this.#columns.keys.size;
	}

	has(key: string): boolean {
		return this.#columns.keys.find(key) !== undefined;
	}

	get(key: string): ListedArchive<T> | undefined {
		const row = this.#columns.keys.find(key);
		return row === undefined ? undefined : new ListedArchive(key, this.#columns, row);
	}

	*[Symbol.iterator](): Generator<ListedArchive<T>, void, undefined> {
		const { keys } = this.#columns;
		for (let row = 0; row < keys.size; row++) yield new ListedArchive(keys.keyAt(row), this.#columns, row);
	}

	/** Takes in an object that is listed: an archive, a manifest, or a record of verifications, in whatever order they come. */
	take({ key, size, modifiedAt, sharedAs, etag }: StoredObject): void {
		const { numbers, etags, shared } = this.#columns;
		const time = modifiedAt.getTime();
		if (key.endsWith(MANIFEST_SUFFIX)) {
			const row = this.#rowOf(key.slice(0, -MANIFEST_SUFFIX.length));
			numbers.set(row, MANIFEST_SIZE, size);
			numbers.set(row, MANIFEST_MODIFIED_AT, time);
			if (etag !== undefined) numbers.set(row, ETAG, etags.add(etag));
		} else if (key.endsWith(VERIFICATION_SUFFIX)) {
			const row = this.#rowOf(key.slice(0, -VERIFICATION_SUFFIX.length));
			numbers.set(row, RECORD_SIZE, size);
			numbers.set(row, RECORD_MODIFIED_AT, time);
		} else {
			const row = this.#rowOf(key);
			numbers.set(row, SIZE, size);
			numbers.set(row, MODIFIED_AT, time);
			if (sharedAs !== undefined) shared.set(row, sharedAs);
		}
	}

	#rowOf(key: string): number {
		const { keys, kept } = this.#columns;
		const row = keys.add(key);
		if (row === kept.length) kept.push(undefined);
		return row;
	}
}

/** What the listing tells of an archive, of its manifest and of its record; times in milliseconds. */
export class ListedArchive<T> {
	readonly #columns: Columns<T>;
	readonly #row: number;

	constructor(
		/** Of the archive. */
		readonly key: string,
		columns: Columns<T>,
		row: number,
	) {
		this.#columns = columns;
		this.#row = row;
	}

	/** Undefined where only its manifest or its record is there. */
	get size(): number | undefined {
		return this.#columns.numbers.get(this.#row, SIZE);
	}

	get modifiedAt(): number {
		return this.#columns.numbers.get(this.#row, MODIFIED_AT) ?? 0;
	}

	get sharedAs(): string | undefined {
		return this.#columns.shared.get(this.#row);
	}

	get manifestSize(): number | undefined {
		return this.#columns.numbers.get(this.#row, MANIFEST_SIZE);
	}

	get manifestModifiedAt(): number {
		return this.#columns.numbers.get(this.#row, MANIFEST_MODIFIED_AT) ?? 0;
	}

	get manifestEtag(): string | undefined {
		const number = this.#columns.numbers.get(this.#row, ETAG);
		return number === undefined ? undefined : this.#columns.etags.at(number);
	}

	get recordSize(): number | undefined {
		return this.#columns.numbers.get(this.#row, RECORD_SIZE);
	}

	get recordModifiedAt(): number {
		return this.#columns.numbers.get(this.#row, RECORD_MODIFIED_AT) ?? 0;
	}

	/** Whether its manifest was read, in this run or in an earlier one. */
	get isKnown(): boolean {
		return this.#columns.numbers.get(this.#row, IS_KNOWN) !== undefined;
	}

	noteKnown(): void {
		this.#columns.numbers.set(this.#row, IS_KNOWN, 1);
	}

	/** Whether the stored catalogue has a line of it. */
	get hasLine(): boolean {
		return this.#columns.numbers.get(this.#row, HAS_LINE) !== undefined;
	}

	noteLine(): void {
		this.#columns.numbers.set(this.#row, HAS_LINE, 1);
	}

	/** What the caller keeps of it. */
	get kept(): T | undefined {
		return this.#columns.kept[this.#row];
	}

	keep(kept: T | undefined): void {
		if (kept !== undefined) this.#columns.kept[this.#row] = kept;
	}
}

/**
 * The line where it is of the manifest that is listed, or of one that is missed; undefined for one without use. What costs
 * time comes last.
 */
export function lineFor<T>(unchecked: UncheckedLine, listed: ListedArchive<T>): CatalogLine | undefined {
	if (listed.manifestSize !== undefined) return isOfManifest(unchecked, listed) ? checkedLine(unchecked) : undefined;
	const line = listed.size === undefined ? undefined : checkedLine(unchecked);
	return line && isMissed(line, listed) ? line : undefined;
}

/** Whether the manifest that the storage lists is the one that a line is of. */
function isOfManifest<T>(line: UncheckedLine, listed: ListedArchive<T>): boolean {
	const { manifestSize, manifestModifiedAt, manifestEtag } = listed;
	return manifestSize === line.size && manifestModifiedAt === line.modifiedAt && manifestEtag === line.etag;
}

/** Whether the storage lists the archive of a line, and no manifest of it any more. */
export function isMissed<T>(line: CatalogLine, listed: ListedArchive<T>): boolean {
	return listed.manifestSize === undefined && listed.size === line.summary.size.stored;
}
