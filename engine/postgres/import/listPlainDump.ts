/*
 * Lists what a plain SQL dump holds, in one pass through the lexer: nothing is kept but the list itself. What a statement
 * is about is read from the statement, never from the comment before it, which can be forged.
 */
import { type DumpObject } from '../foreign';
import { type LexOptions, lexScript, type ScriptCopy, type ScriptStatement } from '../script';
import { isTextFormat } from '../statements/dataCopy';
import type { StatementFacts } from '../statements/facts';
import { StatementReader } from '../statements/reader';

import { ScriptEnds } from './scriptEnds';
import { ScriptSections, type Section } from './sections';

/**
 * Reads a whole script and reports its objects in order, with the number of their rows where it can be counted.
 * @throws BackupError as `lexScript` does.
 */
export async function listPlainDump(
	source: AsyncIterable<Uint8Array>,
	options: LexOptions = {},
): Promise<DumpObject[]> {
	const ends = new ScriptEnds();
	const sections = new ScriptSections();
	const listings = new Map<Section, Listing>();
	for await (const item of lexScript(source, { ...options, onComment: (text) => ends.note(text) })) {
		const section = sections.sectionOf(item, ends);
		if (!section) continue;
		let listing = listings.get(section);
		if (!listing) listings.set(section, (listing = new Listing()));
		if (item.type === 'statement') listing.addStatement(item);
		else if (item.type === 'copy') await listing.addCopy(item);
	}
	return [...listings].flatMap(([{ database }, { objects }]) =>
		database === undefined ? objects : objects.map((object) => ({ ...object, database })),
	);
}

/** What may be given an owner by `ALTER TABLE`, too. */
const LIKE_TABLES = ['TABLE', 'VIEW', 'MATERIALIZED VIEW', 'SEQUENCE', 'FOREIGN TABLE'];

/** Named by pg_dump with their table in front. */
const ON_TABLE = new Set(['TRIGGER', 'RULE', 'POLICY', 'CONSTRAINT', 'CHECK CONSTRAINT', 'FK CONSTRAINT']);

class Listing {
	readonly objects: DumpObject[] = [];
	readonly #byName = new Map<string, DumpObject>();
	readonly #reader = new StatementReader();
	/** Tables that hold rows which cannot be counted. */
	readonly #uncounted = new Set<DumpObject>();

	addStatement({ line, text }: ScriptStatement): void {
		const facts = this.#reader.read(text);
		if (facts.cluster) return;
		if (facts.kind === 'INSERT') this.#addRows(facts, line, this.#reader.insertedRows(text));
		else if (facts.role?.kind === 'owner') this.#setOwner(facts, facts.role.names[0] ?? '');
		else if (facts.verb === 'CREATE' || (facts.verb === 'ALTER' && facts.kind.endsWith('CONSTRAINT')))
			this.#create(facts, line);
	}

	async addCopy(copy: ScriptCopy): Promise<void> {
		for await (const rows of copy.rows) void rows;
		const rows = isTextFormat(copy.statement) ? copy.counts().lines : undefined;
		this.#addRows(this.#reader.read(copy.statement), copy.line, rows);
	}

	#create({ kind, name, schema, table = '' }: StatementFacts, line: number): void {
		if (name === undefined) return;
		const type = kind === 'CONSTRAINT TRIGGER' ? 'TRIGGER' : kind;
		const shown = ON_TABLE.has(type) ? `${table.split('\0')[1]} ${name}` : name;
		const inSchema = type === 'SCHEMA' ? null : (schema ?? null);
		// For views that depend on one another pg_dump first creates a stand-in, and replaces it later.
		if (type === 'VIEW' && this.#find(type, inSchema, shown)) return;
		this.#add(type, inSchema, shown, line);
	}

	#add(type: string, schema: string | null, name: string, line: number): DumpObject {
		const object: DumpObject = { id: line, type, schema, name, owner: null, hasData: false };
		this.objects.push(object);
		this.#byName.set(keyOf(type, schema, name), object);
		return object;
	}

	#find(type: string, schema: string | null, name: string): DumpObject | undefined {
		return this.#byName.get(keyOf(type, schema, name));
	}

	#setOwner({ kind, name = '', schema }: StatementFacts, owner: string): void {
		const types = kind === 'TABLE' ? LIKE_TABLES : [kind];
		const inSchema = kind === 'SCHEMA' ? null : (schema ?? null);
		const object = types.map((type) => this.#find(type, inSchema, name)).find(Boolean);
		if (object) object.owner = owner;
	}

	/** @param rows undefined where they cannot be counted */
	#addRows({ table }: StatementFacts, line: number, rows: number | undefined): void {
		if (table === undefined) return;
		const [schema = '', name = ''] = table.split('\0');
		// A dump of data alone creates no tables.
		const object = this.#find('TABLE', schema, name) ?? this.#add('TABLE', schema, name, line);
		object.hasData ||= rows !== 0;
		if (rows === undefined) this.#uncounted.add(object);
		if (this.#uncounted.has(object)) delete object.rows;
		else object.rows = (object.rows ?? 0) + (rows ?? 0);
	}
}

function keyOf(type: string, schema: string | null, name: string): string {
	return JSON.stringify([type, schema, name]);
}
