import { CopyDataSplitter } from '../script';
import { readDataCopy } from '../statements/dataCopy';
import { tableKey } from '../statements/tokens';

const COPY = 'COPY ';
const SEMICOLON = 0x3b;
const QUOTE = 0x22;
const NEWLINE = 0x0a;

/** The longest COPY statement. The most columns (1600), with the longest names (63 bytes), all of them quotes, take a fifth of it. */
const MAX_HEADER_BYTES = 1024 * 1024;

/** Thrown for a frame that is not one COPY with its rows. The message says what is wrong with it. */
export class RowsDamage extends Error {}

export interface FrameRows {
	/** Key of the table that the COPY fills. */
	table: string;
	/** For messages: `public.orders`. */
	name: string;
	/** The columns that the COPY names; undefined where it names none and means all. */
	columns: string[] | undefined;
	rows: number;
	/** Bytes of the rows. */
	bytes: number;
}

/**
 * Reads a frame of rows: a COPY, its rows, its end marker, and nothing else. Only the COPY statement is kept.
 * @throws RowsDamage; what the source throws
 */
export async function readRows(frame: AsyncIterable<Uint8Array>): Promise<FrameRows> {
	const splitter = new CopyDataSplitter();
	let head: Buffer | undefined = Buffer.alloc(0);
	let copied: Pick<FrameRows, 'table' | 'name' | 'columns'> | undefined;
	for await (const piece of frame) {
		let chunk = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
		if (head) {
			head = head.length > 0 ? Buffer.concat([head, chunk]) : chunk;
			const end = endOfStatement(head);
			if (end === undefined) continue;
			copied = copiedTable(head.toString('utf8', 0, end));
			chunk = head.subarray(end + 2);
			head = undefined;
		}
		if (splitter.rest !== undefined) throwIfAny(chunk);
		else {
			splitter.push(chunk);
			throwIfAny(splitter.rest);
		}
	}
	if (!copied) throw new RowsDamage('ends in its COPY statement');
	if (splitter.rest === undefined) throw new RowsDamage('ends without the line that ends its rows');
	return { ...copied, rows: splitter.lines, bytes: splitter.bytes };
}

function throwIfAny(bytes: Buffer | undefined): void {
	if (bytes && bytes.length > 0) throw new RowsDamage('goes on after the line that ends its rows');
}

/** The index of the semicolon that ends the COPY, which is not one inside of a quoted name; undefined where it has not come yet. */
function endOfStatement(head: Buffer): number | undefined {
	const begins = head.toString('latin1', 0, COPY.length);
	if (begins !== COPY.slice(0, begins.length)) throw noCopy();
	let quoted = false;
	for (let at = 0; at < head.length; at++) {
		if (head[at] === QUOTE) quoted = !quoted;
		else if (head[at] === SEMICOLON && !quoted) {
			if (at + 1 === head.length) return undefined;
			if (head[at + 1] !== NEWLINE) throw noCopy();
			return at;
		}
	}
	if (head.length > MAX_HEADER_BYTES) throw noCopy();
	return undefined;
}

function noCopy(): RowsDamage {
	return new RowsDamage('does not begin with a COPY ... FROM STDIN');
}

function copiedTable(statement: string): Pick<FrameRows, 'table' | 'name' | 'columns'> {
	const copy = readDataCopy(statement);
	const [schema, name, ...more] = copy?.name ?? [];
	if (!copy || copy.hasOptions || schema === undefined || name === undefined || more.length > 0) throw noCopy();
	return { table: tableKey(schema, name), name: `${schema}.${name}`, columns: copy.columns };
}
