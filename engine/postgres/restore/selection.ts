import { BackupError } from '../../errors';

import { describeStatement, type StatementFacts } from './statement';
import { parseName, tokenize } from './tokens';

/** What of a dump to restore; empty means all of it. */
export interface RestoreSelection {
	schemas?: string[];
	/** `schema.table`, in SQL's spelling (quotes where a name needs them); a bare name means any schema's. */
	tables?: string[];
	dataOnly?: boolean;
}

/** Statements that set the session up rather than make something. */
const SESSION = new Set(['SET', 'BEGIN', 'COMMIT', 'RESET']);

/** Statements that belong to no schema, without which the chosen objects may not work. */
const ALWAYS = new Set(['EXTENSION', 'LANGUAGE', 'PROCEDURAL LANGUAGE']);

/** What a table may be made of. */
const SUPPORT = new Set(['SCHEMA', 'TYPE', 'DOMAIN', 'COLLATION', 'FUNCTION', 'PROCEDURE']);

/** Decides, statement by statement and in their order, what belongs to a selection. */
export class SelectionFilter {
	readonly #schemas: Set<string>;
	readonly #tables: string[][];
	/** Sequences that a chosen table owns: only known once the dump says so. */
	readonly #sequences = new Set<string>();
	/** Tables that the selection named and the dump held. */
	readonly found = new Set<string>();

	constructor(readonly selection: RestoreSelection) {
		this.#schemas = new Set(selection.schemas ?? []);
		this.#tables = (selection.tables ?? []).map((text) => {
			const tokens = tokenize(text);
			const name = parseName(tokens, 0);
			if (!name || name.end !== tokens.length || name.parts.length > 2) {
				throw new BackupError('INVALID_INPUT', `"${text}" is not a table's name.`, { hint: 'Write schema.table, with double quotes around names with capital letters or blanks.' });
			}
			return name.parts;
		});
	}

	/** True where everything is wanted. */
	get all(): boolean {
		return this.#schemas.size === 0 && this.#tables.length === 0;
	}

	/** Tells the filter of a sequence's owner before the statements are asked about. */
	noteOwnedSequence({ ownedSequence, table }: StatementFacts): void {
		if (ownedSequence && table && this.wantsTable(table)) this.#sequences.add(ownedSequence);
	}

	/** Takes a table's key. */
	wantsTable(table: string): boolean {
		if (this.all) return true;
		const [schema = '', name = ''] = table.split('\0');
		const named = this.#tables.some((parts) => (parts.length === 2 ? parts[0] === schema && parts[1] === name : parts[0] === name));
		const wanted = named || this.#schemas.has(schema) || this.#sequences.has(table);
		if (wanted) this.found.add(table);
		return wanted;
	}

	/**
	 * `support`: not chosen, but a chosen table may need it (its schema, the type of a column); fine where it exists already.
	 */
	decide(statement: string): 'yes' | 'support' | 'no' {
		const facts = describeStatement(statement);
		if (SESSION.has(facts.kind) || /^SELECT pg_catalog\.set_config\(/.test(statement)) return 'yes';
		if (this.selection.dataOnly) {
			return facts.kind === 'SEQUENCE SET' && facts.table !== undefined && this.wantsTable(facts.table) ? 'yes' : 'no';
		}
		if (this.all || ALWAYS.has(facts.kind)) return 'yes';
		if (this.#chosen(facts)) return 'yes';
		return this.#tables.length > 0 && SUPPORT.has(facts.kind) && /^CREATE/i.test(statement) ? 'support' : 'no';
	}

	#chosen(facts: StatementFacts): boolean {
		if (facts.table) return this.wantsTable(facts.table) || (facts.ownedSequence !== undefined && this.wantsTable(facts.ownedSequence));
		return facts.schema !== undefined && this.#schemas.has(facts.schema);
	}
}
