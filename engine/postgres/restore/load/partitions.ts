import type { StatementFacts } from '../../statements/facts';

/**
 * Which tables are partitions of which. A statement on a partitioned table locks all its partitions one by one, so what
 * must not run at the same time shows in the root of the tree.
 */
export class PartitionTree {
	readonly #parents = new Map<string, string>();

	note({ kind, table, attached, partitionOf }: StatementFacts): void {
		if (table === undefined || kind === 'INDEX') return;
		if (attached) this.#parents.set(attached, table);
		if (partitionOf) this.#parents.set(table, partitionOf);
	}

	/** The locks of a statement, each on the root of its table's tree. */
	locks({ locks }: StatementFacts): StatementFacts['locks'] {
		return locks.map(({ table, shared }) => ({ table: this.#root(table), shared }));
	}

	/** A script may claim anything, so a circle of partitions ends where it began. */
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
