import { BackupError } from '../../../errors';
import type { StatementFacts } from '../../statements/facts';
import { parseName, tokenize } from '../../statements/tokens';

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
const DEPENDENCIES = new Set(['SCHEMA', 'TYPE', 'DOMAIN', 'COLLATION', 'FUNCTION', 'PROCEDURE']);

/**
 * What to do with a statement. Those not chosen may still run: `dependency`, what a chosen table may need and may be there
 * already; `optional`, what may ask for something that was not chosen or for rights that the user lacks; `keep`, what is
 * left as it is where it exists, its owner and privileges included; `attach`, what ties a chosen partition to a table that
 * was not chosen, if that is there, and what is below such a partition.
 */
export type Decision = 'yes' | 'dependency' | 'optional' | 'keep' | 'attach' | 'no';

/** True for what makes a type, a function or the like. */
export function mayBeNeeded({ kind, verb }: StatementFacts): boolean {
	return verb === 'CREATE' && kind !== 'SCHEMA' && DEPENDENCIES.has(kind);
}

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
	/** Chosen indexes and statistics by key, with their tables. */
	readonly #indexes = new Map<string, string>();
	readonly #extensionSchemas = new Set<string>();
	/** Schemas of types and functions, which a chosen table may need. */
	readonly #dependencySchemas = new Set<string>();

	constructor(readonly selection: RestoreSelection) {
		this.#schemas = new Set(selection.schemas ?? []);
		this.#tables = (selection.tables ?? []).map(parseTableName);
	}

	/** True where everything is wanted. */
	get all(): boolean {
		return this.#schemas.size === 0 && this.#tables.length === 0;
	}

	/** Tells the filter of what belongs together before the statements are asked about. */
	note(facts: StatementFacts): void {
		const { ownedSequence, table, attached, partitionOf, extensionSchema } = facts;
		if (facts.schema !== undefined && mayBeNeeded(facts)) this.#dependencySchemas.add(facts.schema);
		if (extensionSchema !== undefined) this.#extensionSchemas.add(extensionSchema);
		if (attached && table) this.#partitionOf.set(attached, table);
		if (partitionOf && table) this.#partitionOf.set(table, partitionOf);
		if (ownedSequence && table) this.#ownerOf.set(ownedSequence, table);
	}

	/** True where tables are chosen by their names. */
	get byTable(): boolean {
		return this.#tables.length > 0;
	}

	/** True for a sequence that is known to belong to a table. Takes its key. */
	isOwned(sequence: string): boolean {
		return this.#ownerOf.has(sequence);
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

	/** Tables above a partition, from its own on to the root. */
	#above(partition: string): string[] {
		const found: string[] = [];
		for (
			let at = this.#partitionOf.get(partition);
			at !== undefined && !found.includes(at);
			at = this.#partitionOf.get(at)
		)
			found.push(at);
		return found;
	}

	/** How many tables a partition is below of. */
	depth(partition: string): number {
		return this.#above(partition).length;
	}

	/** True for a chosen partition of which some table above it is not chosen. */
	#isLoose(partition: string): boolean {
		return !this.all && this.#above(partition).some((table) => !this.wantsTable(table));
	}

	/**
	 * Chosen partitions without rows of their own, below tables with rows that are not chosen: pg_dump
	 * --load-via-partition-root writes all rows as those of the root. Takes and tells keys of tables.
	 */
	rowsElsewhere(filled: ReadonlySet<string>): Array<{ partition: string; root: string }> {
		const found: Array<{ partition: string; root: string }> = [];
		for (const partition of this.#partitionOf.keys()) {
			if (filled.has(partition) || !this.wantsTable(partition)) continue;
			const root = this.#above(partition).find((table) => filled.has(table));
			if (root !== undefined && !this.wantsTable(root)) found.push({ partition, root });
		}
		return found;
	}

	/**
	 * Takes what a StatementReader says of a statement. What a dump wants dropped never is: whether something has to make
	 * room is the choice of whoever restores.
	 */
	decide(facts: StatementFacts): Decision {
		if (facts.cluster || facts.drops) return 'no';
		if (SESSION.has(facts.kind)) return 'yes';
		if (ROWS.has(facts.kind)) return this.#wants(facts.table) ? 'yes' : 'no';
		if (this.selection.dataOnly) return this.#decideData(facts);
		return this.#decideObject(facts);
	}

	/** Takes the key of the table that is filled. Rows of an unknown table are wanted only where everything is. */
	#wants(table: string | undefined): boolean {
		return table === undefined ? this.all : this.wantsTable(table);
	}

	#decideObject(facts: StatementFacts): Decision {
		// The extension itself may belong to somebody else on a managed server.
		if (facts.kind === 'EXTENSION' && facts.verb === 'COMMENT') return this.all ? 'optional' : 'no';
		if (this.all || facts.kind === 'SESSION AUTHORIZATION') return 'yes';
		const creates = facts.verb === 'CREATE';
		if (creates && ALWAYS.has(facts.kind)) return 'yes';
		// Never without its owner and privileges: a function is everybody's to execute until it is revoked.
		const isDependency = DEPENDENCIES.has(facts.kind) && (creates || facts.role !== undefined);
		if (this.#chosen(facts, creates)) {
			if (facts.work === 'foreign-key' && facts.locks.some(({ table }) => !this.wantsTable(table))) return 'optional';
			if (facts.attached && facts.table && this.#isLoose(facts.attached)) return 'attach';
			return isDependency ? 'keep' : 'yes';
		}
		return isDependency && this.#mayNeed(facts) ? 'dependency' : 'no';
	}

	#mayNeed({ kind, schema = '' }: StatementFacts): boolean {
		if (kind === 'SCHEMA' && this.#extensionSchemas.has(schema)) return true;
		if (!this.byTable || kind !== 'SCHEMA' || this.#dependencySchemas.has(schema)) return this.byTable;
		if (this.#tables.some((parts) => parts.length === 1 || parts[0] === schema)) return true;
		const tied = [...this.#partitionOf.keys(), ...this.#ownerOf.keys()];
		return tied.some((key) => key.startsWith(`${schema}\0`) && this.wantsTable(key));
	}

	/** Large objects have no definitions but their creation, which goes with their contents. */
	#decideData({ kind, table, verb }: StatementFacts): Decision {
		if (kind === 'SEQUENCE SET') return this.#wants(table) ? 'yes' : 'no';
		if (!this.all) return 'no';
		if (kind === 'LARGE OBJECT CONTENT') return 'yes';
		return kind === 'LARGE OBJECT' && verb === 'SELECT' ? 'keep' : 'no';
	}

	#chosen(facts: StatementFacts, creates: boolean): boolean {
		if ((facts.kind === 'INDEX' || facts.kind === 'STATISTICS') && !creates) {
			if (facts.index === undefined || !this.#indexes.has(facts.index)) return false;
			// What is below a loose partition is attached with its indexes, later than here.
			const part = facts.attached && this.#indexes.get(facts.attached);
			return facts.attached === undefined || (part !== undefined && !this.#isLoose(part));
		}
		const chosen = this.#chosenByName(facts);
		if (chosen && facts.index) this.#indexes.set(facts.index, facts.table ?? '');
		return chosen;
	}

	#chosenByName(facts: StatementFacts): boolean {
		if (facts.table)
			return [facts.table, facts.ownedSequence, facts.attached].some(
				(key) => key !== undefined && this.wantsTable(key),
			);
		return facts.schema !== undefined && this.#schemas.has(facts.schema);
	}
}

/**
 * The error for a chosen partition whose rows stand among those of a table that is not chosen. Takes keys of tables.
 * @param state what is to be said of the target, from its semicolon on
 */
export function rowsElsewhere(source: string, keys: { partition: string; root: string }, state: string): BackupError {
	const [partition, root] = [keys.partition, keys.root].map((key) => key.replace('\0', '.'));
	return new BackupError(
		'INVALID_INPUT',
		`${source} keeps the rows of the partition ${partition} among those of ${root}${state}.`,
		{
			hint: `It was made with --load-via-partition-root, or they are kept apart by an enum’s hash. Choose ${root}, which brings all its partitions.`,
		},
	);
}
