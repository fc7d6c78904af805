/*
 * Lists what a plain SQL dump holds, in one pass through the lexer: nothing is kept but the list itself.
 */
import { lexScript, type LexOptions, type ScriptItem } from '../script';
import { parseQualifiedName } from '../script/identifiers';
import type { DumpObject } from './custom';
import { COPY, describeStatement, type Description } from './describe';

export interface PlainListing {
	objects: DumpObject[];
	/** Databases that the script connects to by itself (`pg_dump --create`, `pg_dumpall`): \connect's arguments. */
	connects: string[];
	statements: number;
	/** Bytes of rows in COPY's format. */
	rowBytes: number;
}

/**
 * Reads a whole script and reports its objects in order, with the number of rows of their COPYs. (An INSERT
 * may hold any number of rows: such tables are only known to have some.)
 * @throws BackupError as `lexScript` does.
 */
export async function listPlainDump(
	source: AsyncIterable<Uint8Array>,
	options: LexOptions = {},
): Promise<PlainListing> {
	const listing = new ListingBuilder();
	for await (const item of lexScript(source, options)) await listing.add(item);
	return listing.result();
}

class ListingBuilder {
	readonly #objects: DumpObject[] = [];
	readonly #byName = new Map<string, DumpObject>();
	readonly #connects: string[] = [];
	#statements = 0;
	#rowBytes = 0;
	/** Where names without a schema belong: what old dumps set before each object. */
	#defaultSchema: string | null = null;

	async add(item: ScriptItem): Promise<void> {
		if (item.type === 'meta') {
			if (item.command === 'connect' || item.command === 'c') this.#connects.push(item.args.join(' '));
			return;
		}
		this.#statements++;
		if (item.type === 'statement') {
			const description = describeStatement(item.text);
			if (description) this.#apply(description, item.line);
			return;
		}
		for await (const rows of item.rows) void rows;
		const { lines, bytes } = item.counts();
		this.#rowBytes += bytes;
		const target = COPY.exec(item.statement);
		if (!target) return;
		this.#addRows(parseQualifiedName(target[1]!), item.line, /\bcsv\b/i.test(item.statement) ? undefined : lines);
	}

	result(): PlainListing {
		return {
			objects: this.#objects,
			connects: this.#connects,
			statements: this.#statements,
			rowBytes: this.#rowBytes,
		};
	}

	#apply(description: Description, line: number): void {
		if (description.what === 'searchPath') this.#defaultSchema = description.schema;
		else if (description.what === 'insert') this.#addRows(description, line, undefined);
		else if (description.what === 'owner') {
			const object = this.#find(description.type, description.schema ?? this.#defaultSchema, description.name);
			if (object) object.owner = description.owner;
		} else {
			const schema = description.unqualified ? this.#defaultSchema : description.schema;
			this.#create(description.type, schema, description.name, line);
		}
	}

	#create(type: string, schema: string | null, name: string, line: number): DumpObject {
		// Of views that need one another pg_dump first creates a stand-in, and replaces it later.
		const known = this.#byName.get(keyOf(type, schema, name));
		if (known && type === 'VIEW') return known;
		const object: DumpObject = { id: line, type, schema, name, owner: null, hasData: false };
		this.#objects.push(object);
		this.#byName.set(keyOf(type, schema, name), object);
		return object;
	}

	#find(type: string, schema: string | null, name: string): DumpObject | undefined {
		// pg_dump writes ALTER TABLE ... OWNER TO for views and sequences, too.
		const types = type === 'TABLE' ? ['TABLE', 'VIEW', 'MATERIALIZED VIEW', 'SEQUENCE', 'FOREIGN TABLE'] : [type];
		for (const one of types) {
			const object = this.#byName.get(keyOf(one, schema, name));
			if (object) return object;
		}
		return undefined;
	}

	/** @param rows undefined where they cannot be counted by lines. */
	#addRows({ schema, name }: { schema: string | null; name: string }, line: number, rows: number | undefined): void {
		const where = schema ?? this.#defaultSchema;
		// A dump of data alone creates no tables.
		const object = this.#find('TABLE', where, name) ?? this.#create('TABLE', where, name, line);
		object.hasData ||= rows !== 0;
		if (rows !== undefined) object.rows = (object.rows ?? 0) + rows;
	}
}

function keyOf(type: string, schema: string | null, name: string): string {
	return JSON.stringify([type, schema, name]);
}
