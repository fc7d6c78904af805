import { NumberTable } from '../archive/catalog/number-table';
import { TextColumn } from '../archive/catalog/text-column';
import type { RetentionEntry } from './entry';

/** Columns of the table of numbers; times in milliseconds. */
const STARTED_AT = 0;
const FINISHED_AT = 1;
const SIZE = 2;
/** The sum of those below that hold. */
const FLAGS = 3;
const COLUMNS = 4;

const PINNED = 1;
const COMPLETE = 2;
const LACKS_NEEDED = 4;
const PASSED = 8;
const FAILED = 16;
const LEGAL_HOLD = 32;

/** What the backups of a series have in common, most of the time: each that differs is held once. */
type Common = Pick<
	RetentionEntry,
	'kind' | 'name' | 'origin' | 'system' | 'isSystemInferred' | 'partial' | 'checkpoint' | 'tags'
>;

/** What few backups have, or what each of them has to itself. */
interface Rare extends Pick<RetentionEntry, 'needs' | 'log' | 'lockedUntil' | 'sharedAs' | 'modifiedAt'> {
	/** As the manifest writes it, where that is not as a Date does: `2026-01-01T00:00:00Z`. */
	startedAt?: string | undefined;
	finishedAt?: string | undefined;
}

const NOTHING_RARE: Rare = { needs: [], lockedUntil: undefined, sharedAs: undefined };

/** Some of it, and the table that it is of, which saves each entry a reference of its own. */
interface Shared extends Common {
	columns: Columns;
}

interface Columns {
	ids: TextColumn;
	keys: TextColumn;
	numbers: NumberTable;
	/** By row. */
	rare: Map<number, Rare>;
	/** By what it says. */
	shared: Map<string, Shared>;
}

/**
 * Entries of a hundred thousand backups. As plain objects they would take 400 bytes each, and V8's garbage collector three times
 * that to move them about. So what differs between them stands in tables outside of the heap, what does not is shared, and an
 * entry is a view of its row: never spread it, for its fields are not its own.
 */
export class EntryTable {
	readonly #columns: Columns = {
		ids: new TextColumn(),
		keys: new TextColumn(),
		numbers: new NumberTable(COLUMNS),
		rare: new Map(),
		shared: new Map(),
	};

	/** Takes in what an entry says. @returns the same as a view */
	add(entry: RetentionEntry): RetentionEntry {
		const { ids, keys, numbers } = this.#columns;
		const row = ids.add(entry.id);
		keys.add(entry.key);
		numbers.set(row, STARTED_AT, Date.parse(entry.startedAt));
		numbers.set(row, FINISHED_AT, Date.parse(entry.finishedAt));
		numbers.set(row, SIZE, entry.size);
		numbers.set(row, FLAGS, flagsOf(entry));
		this.#noteRare(entry, row);
		return new TableEntry(row, sharedIn(this.#columns, entry));
	}

	#noteRare(entry: RetentionEntry, row: number): void {
		const { needs, log, lockedUntil, sharedAs, modifiedAt } = entry;
		const startedAt = this.#oddTime(entry.startedAt, row, STARTED_AT);
		const finishedAt = this.#oddTime(entry.finishedAt, row, FINISHED_AT);
		const known = log ?? lockedUntil ?? sharedAs ?? modifiedAt ?? startedAt ?? finishedAt;
		if (needs.length === 0 && known === undefined) return;
		const changed = { ...(modifiedAt !== undefined && { modifiedAt }), ...(log && { log }) };
		this.#columns.rare.set(row, { needs, lockedUntil, sharedAs, ...changed, startedAt, finishedAt });
	}

	#oddTime(text: string, row: number, column: number): string | undefined {
		return text === textOf(this.#columns.numbers.get(row, column)) ? undefined : text;
	}
}

function flagsOf({ pinned, complete, lacksNeeded, verified, legalHold }: RetentionEntry): number {
	const flags = [pinned && PINNED, complete && COMPLETE, lacksNeeded && LACKS_NEEDED, legalHold && LEGAL_HOLD];
	return flags.reduce<number>((sum, flag) => sum + Number(flag), verdictFlag(verified));
}

function verdictFlag(verified: RetentionEntry['verified']): number {
	return verified === undefined ? 0 : verified === 'passed' ? PASSED : FAILED;
}

/** ISO 8601, UTC; undefined for what is no time. */
function textOf(time: number | undefined): string | undefined {
	return time === undefined ? undefined : new Date(time).toISOString();
}

function sharedIn(columns: Columns, common: Common): Shared {
	const { kind, name, origin, system, isSystemInferred, partial, checkpoint, tags } = common;
	const id = JSON.stringify([kind, name, origin, system, isSystemInferred, partial, checkpoint, tags]);
	const known = columns.shared.get(id);
	if (known) return known;
	const facts = { kind, name, origin, system, partial, tags, columns };
	const shared = { ...facts, ...(isSystemInferred && { isSystemInferred }), ...(checkpoint && { checkpoint }) };
	columns.shared.set(id, shared);
	return shared;
}

class TableEntry implements RetentionEntry {
	readonly #row: number;
	#shared: Shared;

	constructor(row: number, shared: Shared) {
		this.#row = row;
		this.#shared = shared;
	}

	get id(): string {
		return this.#columns.ids.at(this.#row);
	}

	get key(): string {
		return this.#columns.keys.at(this.#row);
	}

	get kind(): RetentionEntry['kind'] {
		return this.#shared.kind;
	}

	get name(): string {
		return this.#shared.name;
	}

	get origin(): string | undefined {
		return this.#shared.origin;
	}

	get system(): string | undefined {
		return this.#shared.system;
	}

	set system(system: string | undefined) {
		this.#shared = sharedIn(this.#columns, { ...this.#shared, system });
	}

	get isSystemInferred(): boolean | undefined {
		return this.#shared.isSystemInferred;
	}

	set isSystemInferred(isSystemInferred: boolean | undefined) {
		this.#shared = sharedIn(this.#columns, { ...this.#shared, isSystemInferred });
	}

	get partial(): string | undefined {
		return this.#shared.partial;
	}

	get checkpoint(): boolean | undefined {
		return this.#shared.checkpoint;
	}

	get tags(): readonly string[] {
		return this.#shared.tags;
	}

	get startedAt(): string {
		return this.#rare.startedAt ?? this.#time(STARTED_AT);
	}

	get finishedAt(): string {
		return this.#rare.finishedAt ?? this.#time(FINISHED_AT);
	}

	get size(): number {
		return this.#columns.numbers.get(this.#row, SIZE) ?? NaN;
	}

	get needs(): readonly string[] {
		return this.#rare.needs;
	}

	get log(): RetentionEntry['log'] {
		return this.#rare.log;
	}

	get lockedUntil(): string | undefined {
		return this.#rare.lockedUntil;
	}

	set lockedUntil(lockedUntil: string | undefined) {
		if (lockedUntil !== this.lockedUntil) this.#columns.rare.set(this.#row, { ...this.#rare, lockedUntil });
	}

	get sharedAs(): string | undefined {
		return this.#rare.sharedAs;
	}

	get modifiedAt(): string | undefined {
		return this.#rare.modifiedAt;
	}

	get pinned(): boolean {
		return this.#has(PINNED);
	}

	get complete(): boolean {
		return this.#has(COMPLETE);
	}

	get lacksNeeded(): boolean {
		return this.#has(LACKS_NEEDED);
	}

	set lacksNeeded(lacksNeeded: boolean) {
		this.#note(LACKS_NEEDED, lacksNeeded ? LACKS_NEEDED : 0);
	}

	get verified(): RetentionEntry['verified'] {
		return this.#has(FAILED) ? 'failed' : this.#has(PASSED) ? 'passed' : undefined;
	}

	set verified(verified: RetentionEntry['verified']) {
		this.#note(PASSED | FAILED, verdictFlag(verified));
	}

	get legalHold(): boolean {
		return this.#has(LEGAL_HOLD);
	}

	set legalHold(legalHold: boolean) {
		this.#note(LEGAL_HOLD, legalHold ? LEGAL_HOLD : 0);
	}

	get #columns(): Columns {
		return this.#shared.columns;
	}

	get #rare(): Rare {
		return this.#columns.rare.get(this.#row) ?? NOTHING_RARE;
	}

	#time(column: number): string {
		return textOf(this.#columns.numbers.get(this.#row, column)) ?? '';
	}

	get #flags(): number {
		return this.#columns.numbers.get(this.#row, FLAGS) ?? 0;
	}

	#has(flag: number): boolean {
		return (this.#flags & flag) !== 0;
	}

	/** @param mask The flags that are told anew */
	#note(mask: number, flags: number): void {
		this.#columns.numbers.set(this.#row, FLAGS, (this.#flags & ~mask) | flags);
	}
}
