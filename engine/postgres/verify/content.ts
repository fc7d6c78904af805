/**
 * How bytes move through: the content comes once, front to back, and is cut at the borders of the parts that the manifest
 * tells. Scripts go through the lexer; frames of rows are not lexed: their COPY is read, line feeds are counted, and the
 * end marker is looked for, at gigabytes a second. Nothing is kept but the counts by table.
 */
import type { Manifest, ManifestPart } from '../../archive';
import type { CheckContext } from '../../verify/types';
import { objectName } from '../statements/naming';
import type { ScriptItem } from '../script';
import { isOfPgDump } from '../statements/ofPgDump';
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
	const check = new DumpCheck(manifest, context, onStatement);
	for await (const { part, bytes } of partsOf(raw, manifest)) await check.part(part, bytes);
	return check.finish();
}

class DumpCheck {
	readonly #facts = new ScriptFacts();
	readonly #largeObjects: LargeObjectContents;
	/** By index into the manifest's tables. */
	readonly #loaded: Array<{ rows: number; bytes: number; frames: number }>;
	#stage: 'settings' | 'pre-data' | 'after' = 'settings';

	constructor(
		readonly manifest: Manifest,
		readonly context: CheckContext,
		readonly onStatement?: (text: string) => void,
	) {
		this.#loaded = (manifest.tables ?? []).map(() => ({ rows: 0, bytes: 0, frames: 0 }));
		this.#largeObjects = new LargeObjectContents(context);
	}

	async part(part: ManifestPart, bytes: AsyncIterable<Uint8Array>): Promise<void> {
		const { signal } = this.context;
		switch (part.type) {
			case SETTINGS_PART:
				this.#follows(part, this.#stage === 'settings');
				return await this.#settings(bytes);
			case 'pre-data':
				this.#follows(part, this.#stage !== 'after');
				this.#stage = 'pre-data';
				return await this.#facts.read(bytes, signal, (item) => this.#look(item));
			case 'post-data':
				this.#follows(part, this.#stage !== 'settings');
				this.#stage = 'after';
				return await this.#facts.read(bytes, signal, (item) => this.#look(item));
			case 'data':
			case 'large-objects':
				this.#follows(part, this.#stage !== 'settings' && !this.#ended);
				this.#stage = 'after';
				return await (part.type === 'data' ? this.#rows(part, bytes) : this.#largeObjects.read(part, bytes));
			default:
				// Skipped by partsOf.
				this.context.found({
					severity: 'obstacle',
					message: `The archive holds a part of the type "${part.type}", which this version cannot check.`,
					hint: 'Update the n8n-nodes-stack-backup package.',
				});
		}
	}

	/** Whatever pg_dump would not have written was put in later, and would be run. */
	#look(item: ScriptItem): void {
		if (item.type === 'copy') return this.#error(`Among its definitions stand rows (line ${item.line}).`);
		if (item.type === 'meta') return this.#error(`Its script holds psql's command \\${item.command}.`);
		const { text } = item;
		if (isOfPgDump(text, this.#facts.standardStrings)) return this.onStatement?.(text);
		this.#error(`Its script holds a statement that pg_dump does not write: ${objectName('', text)}`);
	}

	/** The script has had its closing line. */
	get #ended(): boolean {
		return this.#facts.ends.ofDatabase && this.#facts.ends.complete;
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
		const table = part.table === undefined ? undefined : this.manifest.tables?.[part.table];
		if (!table) return this.#error(`The rows at byte ${part.offset} belong to no table of the manifest.`);
		const name = `${table.schema}.${table.name}`;
		let found: FrameRows;
		try {
			found = await readRows(bytes);
		} catch (error) {
			if (!(error instanceof RowsDamage)) throw error;
			return this.#error(`A frame of its rows (at byte ${part.offset}) ${error.message}.`, name);
		}
		if (!this.#isFilledBy(tableKey(table.schema, table.name), found.table)) {
			this.#error(
				`Where the manifest lists its rows (at byte ${part.offset}), there are those of ${found.name}.`,
				name,
			);
		}
		if (part.rows !== undefined && part.rows !== found.rows) {
			this.#error(`A frame (at byte ${part.offset}) holds ${found.rows} rows; the manifest says ${part.rows}.`, name);
		}
		const loaded = this.#loaded[part.table!]!;
		loaded.rows += found.rows;
		loaded.bytes += found.bytes;
		loaded.frames++;
	}

	/** Rows of a partition may be loaded through the table that it is a part of, which has none of its own. */
	#isFilledBy(listed: string, copied: string): boolean {
		if (listed === copied) return true;
		const { tables = [] } = this.manifest;
		const isListed = tables.some(({ schema, name }) => tableKey(schema, name) === copied);
		return !isListed && this.#facts.created.get(copied)?.holdsRows !== true;
	}

	finish(): Record<string, number> {
		this.#facts.assertWhole('database');
		const { tables = [], counts, partial } = this.manifest;
		let rows = 0;
		tables.forEach((table, index) => (rows += this.#compare(table, index)));
		this.#compareCount('tables', tables.length, counts.tables);
		this.#compareCount('rows', rows, counts.rows);
		this.#compareCount('large objects', this.#facts.largeObjects, counts.largeObjects);
		if (partial?.content === 'schema' && rows > 0) this.#error('It holds rows, though it is one of definitions alone.');
		const largeObjects = this.#facts.largeObjects;
		return { statements: this.#facts.statements, tables: tables.length, rows, ...(largeObjects && { largeObjects }) };
	}

	/** @returns the rows that the archive holds of the table */
	#compare(table: NonNullable<Manifest['tables']>[number], index: number): number {
		const { rows, bytes, frames } = this.#loaded[index]!;
		const name = `${table.schema}.${table.name}`;
		// Rows of tables without columns stand in the script.
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
