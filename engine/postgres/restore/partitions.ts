import type { StatementFacts } from './statement';
import { findWord, parseName, tableKey, tokenize, wordsAt } from './tokens';

/** The definition of a partition names its table after PARTITION OF, where it is not attached afterwards. */
function partitionedTable(statement: string): string | undefined {
	if (!/\bPARTITION\s+OF\b/i.test(statement)) return undefined;
	const tokens = tokenize(statement);
	const at = findWord(tokens, 0, 'PARTITION');
	const name = at >= 0 && wordsAt(tokens, at, 'PARTITION', 'OF') ? parseName(tokens, at + 2) : undefined;
	return name && tableKey(name.parts[0] ?? '', name.parts[1] ?? '');
}

/**
 * Which tables are partitions of which. A statement on a partitioned table locks all its partitions one by one, so what
 * must not run at once is told by the root of the tree.
 */
export class PartitionTree {
	readonly #parents = new Map<string, string>();

	note(statement: string, facts: StatementFacts): void {
		if (facts.table === undefined || (facts.kind !== 'TABLE' && facts.kind !== 'FOREIGN TABLE')) return;
		if (facts.attached) this.#parents.set(facts.attached, facts.table);
		else if (/^CREATE/i.test(statement)) {
			const parent = partitionedTable(statement);
			if (parent) this.#parents.set(facts.table, parent);
		}
	}

	/** The locks of a statement, each on the root of its table's tree. */
	locks({ locks }: StatementFacts): StatementFacts['locks'] {
		return locks.map(({ table, shared }) => ({ table: this.#root(table), shared }));
	}

	/** A script may say anything, so circles are not followed for ever. */
	#root(table: string): string {
		const seen = new Set<string>();
		let root = table;
		for (let parent = this.#parents.get(root); parent !== undefined && !seen.has(parent);) {
			seen.add((root = parent));
			parent = this.#parents.get(root);
		}
		return root;
	}
}
