import { type RestoreSelection, SelectionFilter } from './selection';
import { describeStatement, type StatementFacts } from './statement';

/** Collects what inspect has to know of the statements of a dump. */
export class StatementSurvey {
	readonly #extensions = new Set<string>();
	readonly #roles = new Set<string>();
	readonly #schemas = new Set<string>();
	readonly #created = new Set<string>();
	readonly #relations = new Set<string>();
	/** Statements that tie things to a chosen table: owned sequences, partitions; and extensions to their schemas. */
	readonly #ties: StatementFacts[] = [];

	add(statement: string): void {
		const facts = describeStatement(statement);
		if (facts.extension && /^CREATE/i.test(statement)) this.#extensions.add(facts.extension);
		for (const role of facts.role?.names ?? []) this.#roles.add(role);
		if (facts.schema !== undefined) this.#schemas.add(facts.schema);
		if (facts.kind === 'SCHEMA' && /^CREATE/i.test(statement)) this.#created.add(facts.schema ?? '');
		if (facts.table !== undefined && /^CREATE/i.test(statement)) this.#relations.add(facts.table);
		if (facts.ownedSequence || facts.attached || facts.extensionSchema !== undefined) this.#ties.push(facts);
	}

	/** Schemas that something is made in. */
	get schemas(): ReadonlySet<string> {
		return this.#schemas;
	}

	/** Those of them that are made themselves. */
	get createdSchemas(): ReadonlySet<string> {
		return this.#created;
	}

	/** Keys of the tables, views and sequences that are made. */
	get relations(): ReadonlySet<string> {
		return this.#relations;
	}

	get extensions(): string[] {
		return [...this.#extensions];
	}

	get roles(): string[] {
		return [...this.#roles];
	}

	filter(selection: RestoreSelection): SelectionFilter {
		const filter = new SelectionFilter(selection);
		for (const facts of this.#ties) filter.note(facts);
		return filter;
	}
}
