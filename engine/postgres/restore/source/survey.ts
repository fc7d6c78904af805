import { BackupError } from '../../../errors';
import type { RoleKind, StatementFacts } from '../../statements/facts';
import { assertDataCopy, assertPermitted } from '../../statements/forbidden';
import { StatementReader } from '../../statements/reader';

import { lackingByContent } from './completeness';
import { mayBeNeeded, type RestoreSelection, SelectionFilter } from './selection';
import type { FilledTables, SourceFacts } from './source';

type SurveyedFacts = Pick<
	SourceFacts,
	'createdSchemas' | 'extensions' | 'filled' | 'filter' | 'relations' | 'roles' | 'schemas'
> & {
	expectedRows: Map<string, number>;
};

const NOTHING_CHANGED = '; nothing was changed';

/**
 * What may be kept of a dump's definitions, in bytes: some four million short statements. A few kilobytes may unpack to as many
 * as one likes.
 */
const MAX_KEPT_BYTES = 1024 * 1024 * 1024;
const KEPT_OF_EACH = 256;

/** Counts what is kept of a dump: one for all of its databases. */
export class KeptDefinitions {
	#bytes = 0;

	constructor(readonly most = MAX_KEPT_BYTES) {}

	/** @throws BackupError INVALID_INPUT for more than can be kept */
	add(statement: string): void {
		this.#bytes += KEPT_OF_EACH + statement.length;
		if (this.#bytes <= this.most) return;
		throw new BackupError('INVALID_INPUT', `The dump defines more than can be kept in memory${NOTHING_CHANGED}.`, {
			hint: 'Restore it with psql; or make it in parts, by schemas.',
		});
	}
}

/** Collects what inspect has to know of the statements of a dump. Takes them in their order. */
export class StatementSurvey {
	readonly #reader = new StatementReader();
	readonly #extensions = new Set<string>();
	/** Statements that name roles. */
	readonly #naming: StatementFacts[] = [];
	readonly #schemas = new Set<string>();
	readonly #created = new Set<string>();
	readonly #relations = new Set<string>();
	/** Rows by table key; undefined where they cannot be counted. */
	readonly #rows = new Map<string, number | undefined>();
	/** The columns that rows fill, by table key; undefined where the dump does not name them. */
	readonly #filled = new Map<string, string[] | undefined>();
	/** Tables that it makes and that have rows of their own. */
	readonly #made = new Set<string>();
	/** What partitions are parts of, by table key. */
	readonly #parents = new Map<string, string>();
	#rowsAsInserts = false;
	/** Statements that tie things to a chosen table: owned sequences, partitions; and other things to their schemas. */
	readonly #ties: StatementFacts[] = [];

	constructor(readonly kept = new KeptDefinitions()) {}

	/**
	 * Answers what the statement is about.
	 * @param table key of the table that the rows of an INSERT are counted for: by default the one that it names.
	 * @throws BackupError INVALID_INPUT where it is never run from a dump
	 */
	add(statement: string, table?: string): StatementFacts {
		assertPermitted(statement, this.#reader.standardStrings, NOTHING_CHANGED);
		const facts = this.#reader.read(statement);
		if (facts.cluster) return facts;
		const rowsOf = table ?? facts.table;
		if (facts.kind === 'INSERT' && rowsOf !== undefined) this.addRows(rowsOf, this.#reader.insertedRows(statement));
		if (facts.kind === 'INSERT' && table === undefined) this.#rowsAsInserts = true;
		const creates = facts.verb === 'CREATE';
		this.#noteTable(facts);
		if (facts.extension && creates) this.#extensions.add(facts.extension);
		// Rows as INSERTs leave nothing behind.
		if (!statement.startsWith('INSERT ')) this.kept.add(statement);
		if (facts.role) this.#naming.push(facts);
		if (facts.schema !== undefined) this.#schemas.add(facts.schema);
		if (facts.kind === 'SCHEMA' && creates) this.#created.add(facts.schema ?? '');
		if (facts.table !== undefined && creates) this.#relations.add(facts.table);
		const ties = facts.ownedSequence ?? facts.attached ?? facts.partitionOf ?? facts.extensionSchema;
		if (ties !== undefined || mayBeNeeded(facts)) this.#ties.push(facts);
		return facts;
	}

	#noteTable({ attached, holdsRows, kind, name, partitionOf, table }: StatementFacts): void {
		if (table === undefined) return;
		if (holdsRows) this.#made.add(table);
		// A table that old versions of pg_dump turn into a view.
		if (kind === 'RULE' && name === '_RETURN') this.#made.delete(table);
		if (attached) this.#parents.set(attached, table);
		if (partitionOf) this.#parents.set(table, partitionOf);
	}

	/** Says of a sequence whose it is, where no statement does. Takes keys. */
	own(table: string, ownedSequence: string): void {
		this.#ties.push({ verb: '', kind: 'SEQUENCE', work: 'other', locks: [], table, ownedSequence });
	}

	/** See lackingByContent. */
	get lacks(): string | undefined {
		return lackingByContent({
			made: this.#made,
			filled: new Set(this.#filled.keys()),
			parents: this.#parents,
			rowsAsInserts: this.#rowsAsInserts,
			relations: this.#relations,
			createdSchemas: this.#created,
			extensions: [...this.#extensions],
		});
	}

	/** Whether it makes the table, view or sequence of that key, or brings rows that cannot be counted. */
	defines(table: string): boolean {
		return this.#relations.has(table) || (this.#rows.has(table) && this.#rows.get(table) === undefined);
	}

	/**
	 * The key of the table that a COPY fills.
	 * @throws BackupError INVALID_INPUT where it is no COPY FROM STDIN
	 */
	copied(statement: string): string | undefined {
		assertDataCopy(statement, NOTHING_CHANGED);
		return this.#reader.read(statement).table;
	}

	/**
	 * Adds rows to what the dump promises.
	 * @param rows undefined where nobody can tell how many they are
	 * @param columns that they fill, where that is known
	 */
	addRows(table: string, rows: number | undefined, columns?: string[]): void {
		this.#filled.set(table, columns ?? this.#filled.get(table));
		const before = this.#rows.has(table) ? this.#rows.get(table) : 0;
		this.#rows.set(table, before === undefined || rows === undefined ? undefined : before + rows);
	}

	/** What has been collected, in the terms of a source's facts. */
	get facts(): SurveyedFacts {
		const counted = new Map<string, number>();
		const relations = new Set(this.#relations);
		for (const [table, rows] of this.#rows) {
			if (rows === undefined) relations.add(table);
			else counted.set(table, rows);
		}
		return {
			extensions: [...this.#extensions],
			roles: (selection, kinds) => this.#rolesOf(this.filter(selection), kinds),
			schemas: this.#schemas,
			createdSchemas: this.#created,
			relations,
			expectedRows: counted,
			filled: (selection) => Promise.resolve(this.#filledOf(this.filter(selection))),
			filter: (selection) => this.filter(selection),
		};
	}

	#filledOf(filter: SelectionFilter): FilledTables {
		return new Map([...this.#filled].filter(([table]) => filter.wantsTable(table)));
	}

	#rolesOf(filter: SelectionFilter, kinds: RoleKind[]): string[] {
		const named = this.#naming.filter(({ role }) => role && kinds.includes(role.kind));
		const wanted = named.filter((facts) => ['yes', 'keep'].includes(filter.decide(facts)));
		return [...new Set(wanted.flatMap(({ role }) => role?.names ?? []))];
	}

	filter(selection: RestoreSelection): SelectionFilter {
		const filter = new SelectionFilter(selection);
		for (const facts of this.#ties) filter.note(facts);
		return filter;
	}
}
