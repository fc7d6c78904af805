import type { ArchiveReader, Manifest, ManifestPart } from '../../../archive';
import { BackupError } from '../../../errors';
import { type DatabaseProperties, type StoredProperties, storedPropertiesSchema } from '../../dump/databaseProperties';
import { quoteIdentifier } from '../../quoting';
import { parseSettingsFrame, SETTINGS_PART } from '../../dump/settingsFrame';
import { largeObjectPieces } from '../../largeObjectFrame';
import { copyInEncoding, decodingFor, lexScript, MAX_DEFINITION_BYTES } from '../../script';

import { StatementChooser } from './chooser';
import { checkDump } from '../../verify/content';
import { assertWholeContent } from './archiveContent';
import { type RestoreSelection, rowsElsewhere, type SelectionFilter } from './selection';
import type { CopyStep, FilledTables, RestoreSource, RestoreStep, RowsPlace, SourceFacts } from './source';
import { StatementSurvey } from './survey';
import { lackingByManifest } from './completeness';
import { readDataCopy } from '../../statements/dataCopy';
import { tableKey } from '../../statements/tokens';

const TRAILER = '\\.\n';
const SEMICOLON = 0x3b;
const QUOTE = 0x22;

const isScript = ({ type }: ManifestPart): boolean => type === 'pre-data' || type === 'post-data';

const WHOLE_TRAILER = Buffer.from(`\n${TRAILER}`);

/** A dump of ours: parts in frames, which name their table, so that only those wanted are read. */
export class ArchiveSource implements RestoreSource {
	readonly #survey = new StatementSurvey();
	readonly #manifest: Manifest;

	constructor(readonly reader: ArchiveReader) {
		this.#manifest = reader.manifest;
	}

	async inspect(signal?: AbortSignal): Promise<SourceFacts> {
		await this.reader.checkKeys(signal);
		const survey = (text: string) => this.#survey.add(text);
		await assertWholeContent(
			this.reader,
			(raw, manifest, context) => checkDump(raw, manifest, context, survey),
			signal,
		);
		const { options, tables = [] } = this.#manifest;
		for (const { schema, name, sequences = [] } of tables)
			for (const sequence of sequences)
				this.#survey.own(tableKey(schema, name), tableKey(sequence.schema, sequence.name));
		const surveyed = this.#survey.facts;
		const properties = this.#properties();
		return {
			name: this.#manifest.file,
			...surveyed,
			lacks: lackingByManifest(this.#manifest),
			properties: properties && { ...properties, settings: await this.#settings(signal) },
			expectedRows: new Map([
				// Rows without columns are INSERTs, which older manifests do not list.
				...surveyed.expectedRows,
				...tables.map(({ schema, name, rows }) => [tableKey(schema, name), rows] as const),
			]),
			filled: (selection, later) => this.#filled(selection, later),
			ordered: options.ordered === true,
		};
	}

	/** @throws BackupError MANIFEST_INVALID: what the manifest says of the database goes into SQL. */
	#properties(): StoredProperties | undefined {
		const { source, file } = this.#manifest;
		if (source.properties === undefined) return undefined;
		const result = storedPropertiesSchema.safeParse(source.properties);
		if (result.success) return result.data;
		const issue = result.error.issues[0];
		throw new BackupError(
			'MANIFEST_INVALID',
			`The manifest of ${file} is not valid: source.properties.${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unknown'}; nothing was changed.`,
			{ hint: 'It was damaged or edited. Choose another backup; the archive itself may still open with stock tools.' },
		);
	}

	/**
	 * The chosen tables that have rows in the archive, be they none, and the columns that these fill: as the rows
	 * themselves say. Of an empty table that is defined the manifest alone says whether its rows were backed up; what else
	 * a manifest lists is no reason yet to empty a table.
	 * @throws BackupError MANIFEST_INVALID where rows are another table's than the manifest says.
	 */
	async #filled(selection: RestoreSelection, signal?: AbortSignal): Promise<FilledTables> {
		const { relations, expectedRows } = this.#survey.facts;
		const filter = this.#survey.filter(selection);
		const listed = (this.#manifest.tables ?? []).map(({ schema, name }) => tableKey(schema, name));
		const known = [...expectedRows.keys(), ...listed.filter((key) => relations.has(key))];
		const filled = new Map<string, string[] | undefined>();
		for (const key of known) if (filter.wantsTable(key)) filled.set(key, undefined);
		const seen = new Set<number>();
		const first = (part: ManifestPart) => {
			if (part.table === undefined || seen.has(part.table) || !filter.wantsTable(this.#tableOf(part))) return false;
			seen.add(part.table);
			return true;
		};
		for await (const { part, raw } of this.reader.parts(first, signal)) {
			for await (const item of lexScript(Buffer.isBuffer(raw) ? one(raw) : raw)) {
				if (item.type !== 'copy') continue;
				const table = this.#copied(item.statement, this.#tableOf(part), filter, '; nothing was changed');
				filled.set(table, readDataCopy(item.statement)?.columns);
				break;
			}
		}
		return filled;
	}

	/**
	 * The key of the table that a COPY fills: the one that the manifest lists, or the root that it is a partition of, as
	 * pg_dump --load-via-partition-root writes it, and pg_dump by itself for partitions by the hash of an enum.
	 * @throws BackupError MANIFEST_INVALID where it is any other; INVALID_INPUT where that root is not chosen.
	 */
	#copied(statement: string, listed: string, filter: SelectionFilter, state = ''): string {
		const parts = readDataCopy(statement)?.name;
		if (!parts) throw noRows();
		const [schema = '', name = ''] = parts;
		const found = tableKey(schema, name);
		if (found === listed) return found;
		if (this.#isPartOf(listed, found)) {
			if (filter.wantsTable(found)) return found;
			throw rowsElsewhere(this.#manifest.file, { partition: listed, root: found }, state);
		}
		throw new BackupError(
			'MANIFEST_INVALID',
			`The manifest of ${this.#manifest.file} lists rows of ${listed.replace('\0', '.')} where the archive holds those of ${parts.join('.')}${state}.`,
			{ hint: 'It was damaged or edited. Choose another backup; the archive itself may still open with stock tools.' },
		);
	}

	/** Where there are no definitions: the manifest lists no table that is partitioned, for it has no rows of its own. */
	#isPartOf(table: string, root: string): boolean {
		const { tables = [] } = this.#manifest;
		if (!this.#survey.facts.relations.has(table))
			return !tables.some(({ schema, name }) => tableKey(schema, name) === root);
		const name = root.split('\0').map(quoteIdentifier).join('.');
		return this.#survey.filter({ tables: [name] }).wantsTable(table);
	}

	async #settings(signal?: AbortSignal): Promise<DatabaseProperties['settings']> {
		for await (const { raw } of this.reader.parts(({ type }) => type === SETTINGS_PART, signal)) {
			if (Buffer.isBuffer(raw)) return parseSettingsFrame(raw);
		}
		return [];
	}

	async *steps(selection: RestoreSelection, signal?: AbortSignal): AsyncGenerator<RestoreStep> {
		const filter = this.#survey.filter(selection);
		const chooser = new StatementChooser(filter);
		const wanted = (part: ManifestPart) => {
			if (part.table !== undefined) return filter.wantsTable(this.#tableOf(part));
			return isScript(part) || (part.type === 'large-objects' && filter.all);
		};
		const retry: RestoreStep = { type: 'retry', rows: (places) => this.#retry(places, filter, signal) };
		let hadRows = false;
		for await (const { index, part, raw } of this.reader.parts(wanted, signal)) {
			const bytes = Buffer.isBuffer(raw) ? one(raw) : raw;
			if (hadRows && part.type === 'post-data') yield retry;
			if (part.type !== 'large-objects') hadRows = part.type === 'data';
			if (part.type === 'data') yield* this.#rows(index, part, raw, filter);
			else if (part.type === 'large-objects') yield* batches(bytes);
			else yield* statements(bytes, chooser);
		}
		if (hadRows) yield retry;
		yield* chooser.end();
	}

	async *#retry(places: ReadonlySet<number>, filter: SelectionFilter, signal?: AbortSignal): AsyncGenerator<CopyStep> {
		for await (const { index, part, raw } of this.reader.parts((_, at) => places.has(at), signal))
			yield* this.#rows(index, part, raw, filter);
	}

	#tableOf({ table = -1 }: ManifestPart): string {
		const entry = this.#manifest.tables?.[table];
		if (!entry)
			throw new BackupError(
				'MANIFEST_INVALID',
				`The manifest of ${this.#manifest.file} names a table that it does not list.`,
			);
		return tableKey(entry.schema, entry.name);
	}

	/** Rows of a database without an encoding may hold anything: the server is to take them as they are. */
	#inEncoding(statement: string): string {
		const { encoding } = (this.#manifest.source.properties ?? {}) as Partial<DatabaseProperties>;
		return encoding === 'SQL_ASCII' ? copyInEncoding(statement, decodingFor(encoding)) : statement;
	}

	async *#rows(
		number: number,
		part: ManifestPart,
		raw: Buffer | AsyncIterable<Buffer>,
		filter: SelectionFilter,
	): AsyncGenerator<CopyStep> {
		const table = this.#tableOf(part);
		const place = { number, rank: part.table ?? 0 };
		const inOrder = this.#manifest.options.ordered === true;
		if (Buffer.isBuffer(raw) && !inOrder) {
			const header = endOfStatement(raw);
			const rows = raw.subarray(header + 2, Math.max(header + 2, raw.length - TRAILER.length));
			if (
				!raw
					.subarray(header + 1)
					.subarray(-WHOLE_TRAILER.length)
					.equals(WHOLE_TRAILER)
			)
				throw noRows();
			yield this.#copyOf(raw.toString('utf8', 0, header), rows, { table, place }, filter);
			return;
		}
		for await (const item of lexScript(Buffer.isBuffer(raw) ? one(raw) : raw)) {
			if (item.type !== 'copy') throw noRows();
			yield this.#copyOf(item.statement, item.rows, { table, place }, filter);
		}
	}

	#copyOf(
		header: string,
		rows: Buffer | AsyncIterable<Buffer>,
		{ table, place }: { table: string; place: RowsPlace },
		filter: SelectionFilter,
	): CopyStep {
		const statement = this.#inEncoding(header);
		this.#copied(statement, table, filter);
		return { type: 'copy', statement, comment: '', rows, table, place };
	}
}

/** Index of the semicolon that ends the COPY; one inside of a quoted name does not. */
function endOfStatement(frame: Buffer): number {
	let quoted = false;
	for (let at = 0; at < frame.length; at++) {
		if (frame[at] === QUOTE) quoted = !quoted;
		else if (frame[at] === SEMICOLON && !quoted) return at;
	}
	throw noRows();
}

function noRows(): BackupError {
	return new BackupError('ARCHIVE_CORRUPT', 'A frame of rows is not one COPY ... FROM STDIN with its rows.', {
		hint: 'The archive was edited after it was made. Choose another backup.',
	});
}

async function* one(buffer: Buffer): AsyncGenerator<Buffer> {
	yield await Promise.resolve(buffer);
}

/** Characters of statements on large objects that are sent in one go. */
const BATCH = 2 * 1024 * 1024;

async function* batches(frame: AsyncIterable<Buffer>): AsyncGenerator<RestoreStep> {
	let sql = '';
	for await (const piece of largeObjectPieces(frame)) {
		if (sql.length > 0 && sql.length + piece.length > BATCH) {
			yield { type: 'batch', sql };
			sql = '';
		}
		sql += `${piece}\n`;
	}
	if (sql.length > 0) yield { type: 'batch', sql };
}

async function* statements(script: AsyncIterable<Buffer>, chooser: StatementChooser): AsyncGenerator<RestoreStep> {
	for await (const item of lexScript(script, { maxStatementBytes: MAX_DEFINITION_BYTES })) {
		if (item.type === 'statement') yield* chooser.choose(item.text, item.comment);
	}
}
