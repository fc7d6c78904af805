import type { Manifest, ManifestPart } from '../../../archive';
import { BackupError } from '../../../errors';
import type { DatabaseProperties } from '../../dump/databaseProperties';
import { quoteIdentifier } from '../../quoting';
import { copyInEncoding, decodingFor, lexScript } from '../../script';
import { readDataCopy } from '../../statements/dataCopy';
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

	/** The key of the table that the manifest lists a frame for. @throws BackupError MANIFEST_INVALID */
	tableOf({ table = -1 }: ManifestPart): string {
		const entry = this.manifest.tables?.[table];
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

	/**
	 * The step that loads a frame. A frame in a buffer may be loaded while others are. One that streams, or whose table has to
	 * be loaded in order, has to be read before the next one is asked for.
	 * @throws BackupError ARCHIVE_CORRUPT where it is not one COPY with its rows; as assertChosen does
	 */
	async *steps(
		number: number,
		part: ManifestPart,
		raw: Buffer | AsyncIterable<Buffer>,
		filter: SelectionFilter,
	): AsyncGenerator<CopyStep> {
		const table = this.tableOf(part);
		const place = { number, rank: part.table ?? 0 };
		const inOrder = this.manifest.options.ordered === true;
		if (Buffer.isBuffer(raw) && !inOrder) {
			const header = endOfStatement(raw);
			const rows = raw.subarray(header + 2, Math.max(header + 2, raw.length - TRAILER.length));
			const end = raw.subarray(header + 1).subarray(-WHOLE_TRAILER.length);
			if (!end.equals(WHOLE_TRAILER)) throw noRows();
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
