import { BackupError } from '../../errors';

import type { StatementFacts } from '../statements/statement';
import { parseName, tokenize } from '../statements/tokens';

/** What of a dump to restore; empty means all of it. */
export interface RestoreSelection {
	schemas?: string[];
	/** `schema.table`, in SQL's spelling (quotes where a name needs them); a bare name means any schema's. */
	tables?: string[];
	dataOnly?: boolean;
}

/** Statements that set the session up rather than make something. */
const SESSION = new Set(['SET', 'TRANSACTION']);

/** Rows of a table. */
const ROWS = new Set(['INSERT', 'COPY']);

/** What belongs to no schema, and without which the chosen objects may not work. */
const ALWAYS = new Set(['EXTENSION', 'LANGUAGE', 'PROCEDURAL LANGUAGE']);

/** What a table may be made of. */
const SUPPORT = new Set(['SCHEMA', 'TYPE', 'DOMAIN', 'COLLATION', 'FUNCTION', 'PROCEDURE']);

/**
 * What to do with a statement. Those not chosen may still run: `support`, what a chosen table may need and may be there
 * already; `optional`, what may ask for something that was not chosen or for rights that the user lacks; `keep`, what is
 * left as it is where it exists.
 */
export type Decision = 'yes' | 'support' | 'optional' | 'keep' | 'no';

/** A table's name as its parts. @throws BackupError INVALID_INPUT */
export function parseTableName(text: string): string[] {
	const tokens = tokenize(text);
	const name = parseName(tokens, 0);
	if (name && name.end === tokens.length && name.parts.length <= 2) return name.parts;
	throw new BackupError('INVALID_INPUT', `"${text}" is not a table's name.`, {
		hint: 'Write schema.table, with double quotes around names with capital letters or blanks.',
	});
}

/** Decides, statement by statement and in their order, what belongs to a selection. */
export class SelectionFilter {
	readonly #schemas: Set<string>;
	readonly #tables: string[][];
	/** Owned sequences by key, with the tables that own them. */
	readonly #ownerOf = new Map<string, string>();
	/** Partitions by key, with what they are parts of. */
	readonly #partitionOf = new Map<string, string>();
	readonly #indexes = new Set<string>();
	readonly #extensionSchemas = new Set<string>();

	constructor(readonly selection: RestoreSelection) {
		this.#schemas = new Set(selection.schemas ?? []);
		this.#tables = (selection.tables ?? []).map(parseTableName);
	}

	/** True where everything is wanted. */
	get all(): boolean {
		return this.#schemas.size === 0 && this.#tables.length === 0;
	}

	/** Tells the filter of what belongs together before the statements are asked about. */
	note({ ownedSequence, table, attached, partitionOf, extensionSchema }: StatementFacts): void {
		if (extensionSchema !== undefined) this.#extensionSchemas.add(extensionSchema);
		if (attached && table) this.#partitionOf.set(attached, table);
		if (partitionOf && table) this.#partitionOf.set(table, partitionOf);
		if (ownedSequence && table) this.#ownerOf.set(ownedSequence, table);
	}

	/** Takes a table's key. */
	wantsTable(table: string): boolean {
		if (this.all) return true;
		const [schema = '', name = ''] = table.split('\0');
		const named = this.#tables.some((parts) =>
			parts.length === 2 ? parts[0] === schema && parts[1] === name : parts[0] === name,
		);
		if (named || this.#schemas.has(schema)) return true;
		const [parent, owner] = [this.#partitionOf.get(table), this.#ownerOf.get(table)];
		return (parent !== undefined && this.wantsTable(parent)) || (owner !== undefined && this.wantsTable(owner));
	}

	/**
	 * Chosen partitions without rows of their own, below tables with rows that are not chosen: pg_dump
	 * --load-via-partition-root writes all rows as those of the root. Takes and tells keys of tables.
	 */
	rowsElsewhere(filled: ReadonlySet<string>): Array<{ partition: string; root: string }> {
		const found: Array<{ partition: string; root: string }> = [];
		for (const partition of this.#partitionOf.keys()) {
			if (filled.has(partition) || !this.wantsTable(partition)) continue;
			let root = this.#partitionOf.get(partition);
			while (root !== undefined && !filled.has(root)) root = this.#partitionOf.get(root);
			if (root !== undefined && !this.wantsTable(root)) found.push({ partition, root });
		}
		return found;
	}

	/** Takes what a StatementReader says of a statement. */
	decide(facts: StatementFacts): Decision {
		if (facts.cluster) return 'no';
		if (SESSION.has(facts.kind)) return 'yes';
		if (ROWS.has(facts.kind)) return this.#wants(facts.table) ? 'yes' : 'no';
		if (this.selection.dataOnly) return this.#decideData(facts);
		const decision = this.#decideObject(facts);
		// What is to be dropped need not be there; if it is and cannot be dropped, making it again says so.
		return facts.drops && decision !== 'no' ? 'support' : decision;
	}

	/** Takes the key of what is filled; what cannot be told belongs to the whole alone. */
	#wants(table: string | undefined): boolean {
		return table === undefined ? this.all : this.wantsTable(table);
	}

	#decideObject(facts: StatementFacts): Decision {
		// The extension itself may belong to somebody else on a managed server.
		if (facts.kind === 'EXTENSION' && facts.verb === 'COMMENT') return this.all ? 'optional' : 'no';
		if (this.all || facts.kind === 'SESSION AUTHORIZATION') return 'yes';
		const creates = facts.verb === 'CREATE';
		if (creates && ALWAYS.has(facts.kind)) return 'yes';
		if (this.#chosen(facts, creates)) {
			if (facts.work === 'foreign-key' && facts.locks.some(({ table }) => !this.wantsTable(table))) return 'optional';
			return creates && SUPPORT.has(facts.kind) ? 'keep' : 'yes';
		}
		if (creates && facts.kind === 'SCHEMA' && this.#extensionSchemas.has(facts.schema ?? '')) return 'support';
		return this.#tables.length > 0 && SUPPORT.has(facts.kind) && creates ? 'support' : 'no';
	}

	/** Large objects have no definitions but their creation, which goes with their contents. */
	#decideData({ drops, kind, table, verb }: StatementFacts): Decision {
		if (kind === 'SEQUENCE SET') return this.#wants(table) ? 'yes' : 'no';
		if (!this.all || drops) return 'no';
		if (kind === 'LARGE OBJECT CONTENT') return 'yes';
		return kind === 'LARGE OBJECT' && verb === 'SELECT' ? 'keep' : 'no';
	}

	#chosen(facts: StatementFacts, creates: boolean): boolean {
		if ((facts.kind === 'INDEX' || facts.kind === 'STATISTICS') && !creates) {
			return (
				facts.index !== undefined &&
				this.#indexes.has(facts.index) &&
				(!facts.attached || this.#indexes.has(facts.attached))
			);
		}
		const chosen = this.#chosenByName(facts);
		if (chosen && facts.index) this.#indexes.add(facts.index);
		return chosen;
	}

	#chosenByName(facts: StatementFacts): boolean {
		if (facts.table)
			return (
				this.wantsTable(facts.table) || (facts.ownedSequence !== undefined && this.wantsTable(facts.ownedSequence))
			);
		return facts.schema !== undefined && this.#schemas.has(facts.schema);
	}
}
