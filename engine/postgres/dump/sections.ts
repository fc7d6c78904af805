import type { PgDumpResult } from '../pgdump/bridge';
import type { TableRead } from '../pgdump/cursor';
import { BackupError } from '../../errors';
import { MAX_DEFINITION_BYTES, splitStatements } from '../script';

/** Rows of one table in the dump, and the statement that loads them. */
export interface TableRows {
	read: TableRead;
	/** `COPY <table> (<columns>) FROM stdin;` and a line feed: table and columns as pg_dump wrote them in its INSERT. */
	header: string;
}

/** A dump in the order in which it has to be loaded. Within `rows`, tables may come in any order. */
export type Section =
	{ type: 'script'; text: string } | { type: 'rows'; tables: TableRows[] } | { type: 'largeObjects'; ids: number[] };

interface Statement {
	start: number;
	end: number;
	role: 'script' | 'rows' | 'largeObjects';
	table?: TableRows;
}

const INSERT = 'INSERT INTO ';

/** @throws Error where something else stands in the statement, which would be lost with the marker. */
function tableRows(text: string, read: TableRead, marker: string): TableRows {
	if (!text.startsWith(INSERT))
		throw new Error(`pg_dump's script could not be split before the rows of ${read.table}.`);
	const values = text.lastIndexOf('VALUES (', text.indexOf(`'${marker}'`));
	const target = text
		.slice(INSERT.length, values)
		.replace(/ OVERRIDING SYSTEM VALUE $/, '')
		.trim();
	return { read, header: `COPY ${target} FROM stdin;\n` };
}

/** Marks what encloses a large object's content: lo_open before it, lo_close after it, and their transaction. */
function markLargeObject(statements: Statement[], script: string, at: number): void {
	const isStatement = (index: number, text: string) => {
		const statement = statements[index];
		return (
			statement !== undefined &&
			script
				.slice(statement.start, statement.end)
				.replace(/;?\s*$/, '')
				.endsWith(text)
		);
	};
	for (let index = at - 1; index <= at + 1; index++) (statements[index] as Statement).role = 'largeObjects';
	if (isStatement(at - 2, 'BEGIN')) (statements[at - 2] as Statement).role = 'largeObjects';
	if (isStatement(at + 2, 'COMMIT')) (statements[at + 2] as Statement).role = 'largeObjects';
}

/** @throws BackupError SOURCE_FAILED for a definition that no restore would read */
function checkLength(text: string): void {
	// No character takes more bytes than three for each unit of its length.
	if (text.length * 3 <= MAX_DEFINITION_BYTES || Buffer.byteLength(text) <= MAX_DEFINITION_BYTES) return;
	throw new BackupError(
		'SOURCE_FAILED',
		`A definition is longer than 128 MiB: ${text.slice(0, 80).split(/['$]/)[0]}…`,
		{
			hint: 'Look at the comments and functions of the database: one of them holds data.',
		},
	);
}

function classify({ script, reads, marker, largeObjectMarker }: PgDumpResult): Statement[] {
	const statements: Statement[] = splitStatements(script).map(({ start, end }) => ({ start, end, role: 'script' }));
	let nextRead = 0;
	statements.forEach((statement, index) => {
		const text = script.slice(statement.start, statement.end);
		checkLength(text);
		const read = reads[nextRead];
		if (read && text.includes(marker(nextRead))) {
			statement.role = 'rows';
			statement.table = tableRows(text, read, marker(nextRead));
			nextRead++;
		} else if (text.includes(largeObjectMarker)) markLargeObject(statements, script, index);
	});
	if (nextRead !== reads.length) throw new Error(`pg_dump read ${reads.length} tables but wrote ${nextRead} of them.`);
	return statements;
}

/**
 * Cuts pg_dump's script at its markers. Comments that introduced a table's rows go with the marker; the script's own
 * head and foot stay.
 */
export function cutScript(result: PgDumpResult): Section[] {
	const sections: Section[] = [];
	const { script } = result;
	let textStart = 0;
	let textEnd = 0;
	const endText = () => {
		if (textEnd > textStart) sections.push({ type: 'script', text: `${script.slice(textStart, textEnd).trim()}\n\n` });
	};
	for (const statement of classify(result)) {
		if (statement.role === 'script') {
			textEnd = statement.end;
			continue;
		}
		endText();
		textStart = textEnd = statement.end;
		const last = sections[sections.length - 1];
		if (statement.table) {
			if (last?.type === 'rows') last.tables.push(statement.table);
			else sections.push({ type: 'rows', tables: [statement.table] });
		} else if (last?.type !== 'largeObjects') sections.push({ type: 'largeObjects', ids: result.largeObjects });
	}
	textEnd = script.length;
	endText();
	return sections;
}
