import { type RestoreSelection, SelectionFilter } from './selection';
import { describeStatement } from './statement';

/** Collects what inspect has to know of the statements of a dump. */
export class StatementSurvey {
	readonly #extensions = new Set<string>();
	readonly #roles = new Set<string>();
	/** `ALTER SEQUENCE ... OWNED BY` statements, for a selection by table. */
	readonly ownedSequences: string[] = [];

	add(statement: string): void {
		const facts = describeStatement(statement);
		if (facts.extension && /^CREATE/i.test(statement)) this.#extensions.add(facts.extension);
		for (const role of facts.role?.names ?? []) this.#roles.add(role);
		if (facts.ownedSequence) this.ownedSequences.push(statement);
	}

	get extensions(): string[] {
		return [...this.#extensions];
	}

	get roles(): string[] {
		return [...this.#roles];
	}

	filter(selection: RestoreSelection): SelectionFilter {
		const filter = new SelectionFilter(selection);
		for (const statement of this.ownedSequences) filter.noteOwnedSequence(describeStatement(statement));
		return filter;
	}
}
