import type { Manifest, ManifestPart } from '../../../archive';
import { BackupError } from '../../../errors';
import type { DatabaseProperties } from '../../dump/databaseProperties';
import { quoteIdentifier } from '../../quoting';
import { copyInEncoding, decodingFor, lexScript } from '../../script';
import { readDataCopy } from '../../statements/dataCopy';
import { tablesIn } from '../../rowParts';
import { tableKey } from '../../statements/tokens';

import { one } from './archiveContent';
import { rowsElsewhere, type SelectionFilter } from './selection';
import type { CopyStep, RowsPlace } from './source';
import type { StatementSurvey } from './survey';

const TRAILER = '\\.\n';
const WHOLE_TRAILER = Buffer.from(`\n${TRAILER}`);
const SEMICOLON = 0x3b;
const QUOTE = 0x22;

const EDITED = 'It was damaged or edited. Choose another backup; the archive itself may still open with stock tools.';

/** Turns the frames of rows of an archive of ours into steps. */
export class RowFrames {
	/** @param survey knows the definitions of the archive */
	constructor(
		readonly manifest: Manifest,
		readonly survey: StatementSurvey,
	) {}

	/** The key of the table at an index in the manifest. @throws BackupError MANIFEST_INVALID where it lists none there */
	tableAt(index: number): string {
		const entry = this.manifest.tables?.[index];
		if (entry) return tableKey(entry.schema, entry.name);
		throw new BackupError(
			'MANIFEST_INVALID',
			`The manifest of ${this.manifest.file} names a table that it does not list.`,
			{ hint: EDITED },
		);
	}

	/**
	 * Makes sure that rows go where they were chosen for. They fill the table that the manifest lists, or the root that it is
	 * a partition of, as pg_dump --load-via-partition-root writes it, and pg_dump by itself for partitions by the hash of an
	 * enum.
	 * @param state what is to be said of the target, from its semicolon on
	 * @throws BackupError MANIFEST_INVALID where it is any other table; INVALID_INPUT where that root is not chosen.
	 */
	assertChosen(listed: string, copied: string, filter: SelectionFilter, state = ''): void {
		if (copied === listed) return;
		if (this.#isPartOf(listed, copied)) {
			if (filter.wantsTable(copied)) return;
			throw rowsElsewhere(this.manifest.file, { partition: listed, root: copied }, state);
		}
		throw new BackupError(
			'MANIFEST_INVALID',
			`The manifest of ${this.manifest.file} lists rows of ${listed.replace('\0', '.')} where the archive holds those of ${copied.replace('\0', '.')}${state}.`,
			{ hint: EDITED },
		);
	}

	/** Where there are no definitions: the manifest lists no table that is partitioned, for it has no rows of its own. */
	#isPartOf(table: string, root: string): boolean {
		const { tables = [] } = this.manifest;
		if (!this.survey.defines(table)) return !tables.some(({ schema, name }) => tableKey(schema, name) === root);
		const name = root.split('\0').map(quoteIdentifier).join('.');
		return this.survey.filter({ tables: [name] }).wantsTable(table);
	}

	/** The indexes of the parts that have rows at some places. */
	partsOf(places: ReadonlySet<number>): ReadonlySet<number> {
		return new Set([...places].map((place) => place % this.manifest.parts.length));
	}

	/** The place of a COPY: a number for its part, and how often the number of all parts was added to it for its position there. */
	#placeOf(part: number, position: number, rank: number): RowsPlace {
		return { number: part + position * this.manifest.parts.length, rank };
	}

	/**
	 * The steps that load a frame: one for each of its tables that is wanted. A frame in a buffer may be loaded while others
	 * are. One that streams, or whose tables have to be loaded in order, has to be read before the next one is asked for.
	 * @param number the index of the part
	 * @param places the only ones whose rows are wanted; by default those of all tables that the filter wants
	 * @throws BackupError ARCHIVE_CORRUPT where it is not one COPY with its rows for each table; as assertChosen does
	 */
	async *steps(
		number: number,
		part: ManifestPart,
		raw: Buffer | AsyncIterable<Buffer>,
		filter: SelectionFilter,
		places?: ReadonlySet<number>,
	): AsyncGenerator<CopyStep> {
		const tables = tablesIn(part);
		const inOrder = this.manifest.options.ordered === true;
		const copies = Buffer.isBuffer(raw) && !inOrder ? copiesIn(raw, tables.length) : lexed(raw);
		let position = 0;
		for await (const { header, rows } of copies) {
			const index = tables[position];
			if (index === undefined) throw noRows();
			const table = this.tableAt(index);
			const place = this.#placeOf(number, position++, index);
			if (places ? places.has(place.number) : filter.wantsTable(table)) {
				yield this.#copyOf(header, rows, { table, place }, filter);
			} else if (!Buffer.isBuffer(rows)) for await (const unwanted of rows) void unwanted;
		}
	}

	#copyOf(
		header: string,
		rows: Buffer | AsyncIterable<Buffer>,
		{ table, place }: { table: string; place: RowsPlace },
		filter: SelectionFilter,
	): CopyStep {
		const statement = this.#inEncoding(header);
		const [schema, name] = readDataCopy(statement)?.name ?? [];
		if (schema === undefined || name === undefined) throw noRows();
		this.assertChosen(table, tableKey(schema, name), filter);
		return { type: 'copy', statement, comment: '', rows, table, place };
	}

	/** Rows of a database without an encoding may hold anything: the server is to take them as they are. */
	#inEncoding(statement: string): string {
		const { encoding } = (this.manifest.source.properties ?? {}) as Partial<DatabaseProperties>;
		return encoding === 'SQL_ASCII' ? copyInEncoding(statement, decodingFor(encoding)) : statement;
	}
}

interface Copy {
	/** The statement, without its semicolon. */
	header: string;
	/** Without the line that ends them. */
	rows: Buffer | AsyncIterable<Buffer>;
}

/** The COPYs of a frame in memory. The rows of the last one end with the frame, those of the others at their end marker. */
function* copiesIn(frame: Buffer, count: number): Generator<Copy> {
	let at = 0;
	for (let left = count; left > 0; left--) {
		const header = endOfStatement(frame, at);
		const rows = header + 2;
		const end = left === 1 ? frame.length - TRAILER.length : frame.indexOf(WHOLE_TRAILER, header + 1) + 1;
		const trailer = frame.subarray(Math.max(header + 1, end - 1), end + TRAILER.length);
		if (end < rows || !trailer.equals(WHOLE_TRAILER)) throw noRows();
		yield { header: frame.toString('utf8', at, header), rows: frame.subarray(rows, end) };
		at = end + TRAILER.length;
	}
}

/** The COPYs of a frame that may be larger than memory. */
async function* lexed(frame: Buffer | AsyncIterable<Buffer>): AsyncGenerator<Copy> {
	for await (const item of lexScript(Buffer.isBuffer(frame) ? one(frame) : frame)) {
		if (item.type !== 'copy') throw noRows();
		yield { header: item.statement, rows: item.rows };
	}
}

/** Index of the semicolon that ends the COPY at a position; one inside of a quoted name does not. */
function endOfStatement(frame: Buffer, from: number): number {
	let quoted = false;
	for (let at = from; at < frame.length; at++) {
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
