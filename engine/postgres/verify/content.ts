/**
 * How bytes move through the check of a dump: the content comes once, front to back, and is cut at the borders of the parts in
 * the manifest. Scripts go through the lexer. Frames of rows do not: their COPY is read, line feeds are counted, and the end
 * marker is looked for, at gigabytes a second. Nothing is kept but the counts by table.
 */
import type { Manifest, ManifestPart, ManifestTable } from '../../archive';
import type { CheckContext } from '../../verify/types';
import { objectName } from '../statements/naming';
import type { ScriptItem } from '../script';
import { isOfPgDump } from '../statements/ofPgDump';
import { holdsRows, ROWS_PART, SHARED_ROWS_PART, tablesIn } from '../rowParts';
import { parseSettingsFrame, SETTINGS_PART } from '../dump/settingsFrame';
import { tableKey } from '../statements/tokens';
import { LargeObjectContents } from './largeObjects';
import { joined, partsOf } from './parts';
import { type FrameRows, readRows, RowsDamage } from './rows';
import { ScriptFacts } from './script';

const MAX_SETTINGS_BYTES = 16 * 1024 * 1024;

/**
 * A dump of a database: its script is whole and in order, every COPY closed, and every table has the rows that the manifest
 * counts. What is wrong is found; the reader's errors are passed on.
 * @param onStatement told of each statement of the script that may stand there
 * @throws BackupError ARCHIVE_CORRUPT, ARCHIVE_INCOMPLETE, INVALID_INPUT (as lexScript does), CANCELLED
 */
export async function checkDump(
	raw: AsyncIterable<Uint8Array>,
	manifest: Manifest,
	context: CheckContext,
	onStatement?: (text: string) => void,
): Promise<Record<string, number>> {
	const check = new DumpCheck(manifest, context, { onStatement });
	for await (const { part, bytes } of partsOf(raw, manifest)) await check.part(part, bytes);
	return check.finish();
}

/** Who wants to hear of what is read. */
export interface ContentListeners {
	/** Called with each statement of the script that may stand there, in their order. */
	onStatement?: (text: string) => void;
	/** Called with the rows of each COPY that is what the manifest says, and the index of their table in it. */
	onRows?: (table: number, rows: FrameRows) => void;
}

/**
 * Checks a dump part by part. The scripts (`pre-data`, `post-data`) have to come in their order; frames of rows and of large
 * objects may come in any order, before or after a script, and those that nobody wants need not come at all.
 */
export class DumpCheck {
	readonly #facts = new ScriptFacts();
	readonly #largeObjects: LargeObjectContents;
	/** What was read of each table, by its index in the manifest. */
	readonly #loaded: Array<{ rows: number; bytes: number; frames: number }>;

	constructor(
		readonly manifest: Manifest,
		readonly context: CheckContext,
		readonly listeners: ContentListeners = {},
	) {
		this.#loaded = (manifest.tables ?? []).map(() => ({ rows: 0, bytes: 0, frames: 0 }));
		this.#largeObjects = new LargeObjectContents(context);
		this.#checkOrder();
	}

	/**
	 * The manifest alone tells the order of the parts: settings, definitions, then rows, which are the only parts that belong
	 * to a table. It also tells which parts only a later version knows.
	 */
	#checkOrder(): void {
		let stage: 'settings' | 'pre-data' | 'after' = 'settings';
		for (const part of this.manifest.parts) {
			this.#checkTable(part);
			if (part.type === SETTINGS_PART) this.#follows(part, stage === 'settings');
			else if (part.type === 'pre-data') {
				this.#follows(part, stage !== 'after');
				stage = 'pre-data';
			} else if (holdsRows(part) || ['post-data', 'large-objects'].includes(part.type)) {
				this.#follows(part, stage !== 'settings');
				stage = 'after';
			} else {
				this.context.found({
					severity: 'inconclusive',
					message: `The archive holds a part of the type "${part.type}", which this version cannot check.`,
					hint: 'Update the n8n-nodes-stack-backup package.',
				});
			}
		}
	}

	#checkTable(part: ManifestPart): void {
		const { type, table, tables, offset } = part;
		const isListed = table !== undefined || tables !== undefined;
		if (!holdsRows(part)) {
			if (isListed) this.#error(`The part at byte ${offset} (${type}) is listed for a table, though it holds no rows.`);
			return;
		}
		const hasOne = table !== undefined && tables === undefined;
		const hasSeveral = table === undefined && new Set(tables).size === tables?.length && tables.length > 0;
		if (type === ROWS_PART ? !hasOne : !hasSeveral)
			this.#error(`The rows at byte ${offset} belong to no table of the manifest.`);
	}

	/** Checks one part. What is wrong is found; the errors of the reader are passed on. */
	async part(part: ManifestPart, bytes: AsyncIterable<Uint8Array>): Promise<void> {
		const { signal } = this.context;
		switch (part.type) {
			case SETTINGS_PART:
				return await this.#settings(bytes);
			case 'pre-data':
			case 'post-data':
				return await this.#facts.read(bytes, signal, (item) => this.#look(item));
			case ROWS_PART:
			case SHARED_ROWS_PART:
				return await this.#rows(part, bytes);
			case 'large-objects':
				return await this.#largeObjects.read(part, bytes);
			default:
				// The constructor has found it already.
				return;
		}
	}

	/** Whatever pg_dump would not have written was put in later, and would be run. */
	#look(item: ScriptItem): void {
		if (item.type === 'copy') return this.#error(`Among its definitions stand rows (line ${item.line}).`);
		if (item.type === 'meta') return this.#error(`Its script holds psql's command \\${item.command}.`);
		const { text } = item;
		if (isOfPgDump(text, this.#facts.standardStrings)) return this.listeners.onStatement?.(text);
		this.#error(`Its script holds a statement that pg_dump does not write: ${objectName('', text)}`);
	}

	#follows({ type, offset }: ManifestPart, inOrder: boolean): void {
		if (!inOrder) this.#error(`The part at byte ${offset} (${type}) is not in its place.`);
	}

	async #settings(bytes: AsyncIterable<Uint8Array>): Promise<void> {
		const frame = await joined(bytes, MAX_SETTINGS_BYTES);
		// A frame is only written where there are settings.
		if (!frame || parseSettingsFrame(frame).length === 0) this.#error('The settings of the database cannot be read.');
	}

	async #rows(part: ManifestPart, bytes: AsyncIterable<Uint8Array>): Promise<void> {
		const { offset } = part;
		const tables = tablesIn(part);
		// The constructor has found it already.
		if (tables.length === 0 || tables.some((table) => !this.#loaded[table])) return;
		// What is wrong with a frame of several tables belongs to the one that is being read, if any is.
		const nameAt = (position: number) => {
			const entry = this.manifest.tables?.[tables[position] ?? -1];
			return entry && `${entry.schema}.${entry.name}`;
		};
		let at = 0;
		let rows = 0;
		try {
			await readRows(bytes, tables.length, (found) => {
				rows += found.rows;
				this.#add(offset, tables[at++] as number, found);
			});
		} catch (error) {
			if (!(error instanceof RowsDamage)) throw error;
			return this.#error(`A frame of its rows (at byte ${offset}) ${error.message}.`, nameAt(at));
		}
		if (part.rows !== undefined && part.rows !== rows) {
			const name = tables.length === 1 ? nameAt(0) : undefined;
			this.#error(`A frame (at byte ${offset}) holds ${rows} rows; the manifest says ${part.rows}.`, name);
		}
	}

	/** Adds what one COPY of a frame brings to what was read of its table. */
	#add(offset: number, index: number, found: FrameRows): void {
		const { schema, name } = this.manifest.tables?.[index] as ManifestTable;
		const loaded = this.#loaded[index]!;
		loaded.rows += found.rows;
		loaded.bytes += found.bytes;
		loaded.frames++;
		if (this.#isFilledBy(tableKey(schema, name), found.table)) return this.listeners.onRows?.(index, found);
		this.#error(
			`Where the manifest lists its rows (at byte ${offset}), there are those of ${found.name}.`,
			`${schema}.${name}`,
		);
	}

	/** Whether a COPY fills the listed table. Rows of a partition may be loaded through its partitioned table, which has none of its own. */
	#isFilledBy(listed: string, copied: string): boolean {
		if (listed === copied) return true;
		const { tables = [] } = this.manifest;
		const isListed = tables.some(({ schema, name }) => tableKey(schema, name) === copied);
		return !isListed && this.#facts.created.get(copied)?.holdsRows !== true;
	}

	/**
	 * To be called once all scripts were read: the last of them has pg_dump's closing line, and no rows come after it.
	 * @throws BackupError ARCHIVE_INCOMPLETE where the first or the closing line is missing
	 */
	assertScriptComplete(): void {
		this.#facts.assertWhole('database');
		const { parts } = this.manifest;
		const lastScript = parts.findLastIndex(({ type }) => type === 'pre-data' || type === 'post-data');
		parts.forEach((part, index) => this.#follows(part, index <= lastScript));
	}

	/**
	 * Compares what was read with what the manifest counts. Answers numbers of statements, tables, rows and large objects.
	 * @param wasRead Whether the rows of a table of the manifest were read; by default those of all were.
	 * @throws BackupError ARCHIVE_INCOMPLETE where the script lacks its first or its closing line
	 */
	finish(wasRead: (table: ManifestTable, index: number) => boolean = () => true): Record<string, number> {
		this.assertScriptComplete();
		const { tables = [], counts, partial } = this.manifest;
		let rows = 0;
		let all = true;
		tables.forEach((table, index) => {
			if (wasRead(table, index)) rows += this.#compare(table, index);
			else all = false;
		});
		this.#compareCount('tables', tables.length, counts.tables);
		if (all) this.#compareCount('rows', rows, counts.rows);
		this.#compareCount('large objects', this.#facts.largeObjects, counts.largeObjects);
		if (partial?.content === 'schema' && rows > 0) this.#error('It holds rows, though it is one of definitions alone.');
		const largeObjects = this.#facts.largeObjects;
		return { statements: this.#facts.statements, tables: tables.length, rows, ...(largeObjects && { largeObjects }) };
	}

	/** @returns the rows that the archive holds of the table */
	#compare(table: ManifestTable, index: number): number {
		const { rows, bytes, frames } = this.#loaded[index]!;
		const name = `${table.schema}.${table.name}`;
		// The rows of tables without columns are statements of the script.
		const found = rows + (this.#facts.emptyRows.get(tableKey(table.schema, table.name)) ?? 0);
		if (found !== table.rows) this.#error(`The archive holds ${found} rows; the manifest says ${table.rows}.`, name);
		else if (frames > 0 && bytes !== table.bytes) {
			this.#error(`Its rows have ${bytes} bytes; the manifest says ${table.bytes}.`, name);
		}
		return found;
	}

	#compareCount(what: string, found: number, promised: number | undefined): void {
		if (promised === undefined || found === promised) return;
		this.#error(`The archive holds ${found} ${what}; the manifest counts ${promised}.`);
	}

	#error(message: string, part?: string): void {
		const hint = 'Do not rely on it. Make a new backup.';
		this.context.found({ severity: 'error', message, hint, ...(part !== undefined && { part }) });
	}
}
