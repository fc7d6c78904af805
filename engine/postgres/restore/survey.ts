import { type RestoreSelection, SelectionFilter } from './selection';
import type { SourceFacts } from './source';
import type { RoleKind, StatementFacts } from '../statements/statement';
import { StatementReader } from '../statements/reader';

type SurveyedFacts = Pick<
	SourceFacts,
	'createdSchemas' | 'extensions' | 'filter' | 'relations' | 'roles' | 'schemas'
> & {
	expectedRows: Map<string, number>;
};

/** Collects what inspect has to know of the statements of a dump. Takes them in their order. */
export class StatementSurvey {
	readonly #reader = new StatementReader();
	readonly #extensions = new Set<string>();
	/** Statements that name roles. */
	readonly #naming: StatementFacts[] = [];
	readonly #schemas = new Set<string>();
	readonly #created = new Set<string>();
	readonly #relations = new Set<string>();
	/** Rows by table key; undefined where they cannot be told. */
	readonly #rows = new Map<string, number | undefined>();
	/** Statements that tie things to a chosen table: owned sequences, partitions; and extensions to their schemas. */
	readonly #ties: StatementFacts[] = [];

	/** @param table key of the table that the rows of an INSERT are counted for: the one that it names, unless told. */
	add(statement: string, table?: string): void {
		const facts = this.#reader.read(statement);
		if (facts.cluster) return;
		const rowsOf = table ?? facts.table;
		if (facts.kind === 'INSERT' && rowsOf !== undefined) this.addRows(rowsOf, this.#reader.insertedRows(statement));
		const creates = facts.verb === 'CREATE';
		if (facts.extension && creates) this.#extensions.add(facts.extension);
		if (facts.role) this.#naming.push(facts);
		if (facts.schema !== undefined) this.#schemas.add(facts.schema);
		if (facts.kind === 'SCHEMA' && creates) this.#created.add(facts.schema ?? '');
		if (facts.table !== undefined && creates) this.#relations.add(facts.table);
		if (facts.ownedSequence || facts.attached || facts.partitionOf || facts.extensionSchema !== undefined)
			this.#ties.push(facts);
	}

	/** The key of the table that a COPY fills. */
	copied(statement: string): string | undefined {
		return this.#reader.read(statement).table;
	}

	/** Adds rows to what the dump promises. @param rows undefined where nobody can tell how many they are */
	addRows(table: string, rows: number | undefined): void {
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
			filter: (selection) => this.filter(selection),
		};
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
