import type { SelectionFilter } from './selection';
import type { RestoreStep } from './source';
import type { StatementFacts } from '../statements/statement';
import { StatementReader } from '../statements/reader';

type StatementStep = Extract<RestoreStep, { type: 'statement' }>;

/** What a restore does by itself, in its own way. */
const OURS = new Set(['CREATE DATABASE', 'DROP DATABASE', 'UPDATE DATABASE']);

function labelOf({ kind, verb }: StatementFacts): string {
	return ['COMMENT', 'GRANT', 'REVOKE', 'SECURITY'].includes(verb) ? `${verb} ON ${kind}` : `${verb} ${kind}`;
}

/** Turns the statements of a script, taken in their order, into steps, as far as a selection wants them. */
export class StatementChooser {
	readonly #reader = new StatementReader();
	readonly #leftOut = new Map<string, number>();

	constructor(readonly filter: SelectionFilter) {}

	/** The step for a statement, or undefined where it is not wanted. */
	choose(text: string, comment: string): StatementStep | undefined {
		const facts = this.#reader.read(text);
		if (facts.cluster) this.#leaveOut(labelOf(facts));
		const decision = this.filter.decide(facts);
		if (decision === 'no') return undefined;
		return { type: 'statement', text, comment, decision, ...(facts.kind === 'INSERT' && { table: facts.table }) };
	}

	/** The table that a COPY fills, and whether it is wanted. */
	copied(statement: string): { table: string | undefined; wanted: boolean } {
		const facts = this.#reader.read(statement);
		return { table: facts.table, wanted: this.filter.decide(facts) !== 'no' };
	}

	/** Says, at the end, what was left out though all was wanted: it would change other databases than the target. */
	*warnings(): Generator<RestoreStep> {
		if (!this.filter.all || this.filter.selection.dataOnly || this.#leftOut.size === 0) return;
		const labels = [...this.#leftOut].map(([label, count]) => (count > 1 ? `${label} (${count})` : label));
		yield { type: 'warning', text: leftOut(labels) };
	}

	#leaveOut(label: string): void {
		if (!OURS.has(label)) this.#leftOut.set(label, (this.#leftOut.get(label) ?? 0) + 1);
	}
}

/** The warning for what concerns more than the restored database's contents. */
export function leftOut(labels: string[]): string {
	return `The dump also holds statements on the database as a whole or on the server, which were left out: ${labels.join(', ')}. Carry them out yourself where they are wanted.`;
}
