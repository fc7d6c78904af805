import { CopyDataSplitter } from '../script';
import { readDataCopy } from '../statements/dataCopy';
import { tableKey } from '../statements/tokens';

const COPY = 'COPY ';
const SEMICOLON = 0x3b;
const QUOTE = 0x22;
const NEWLINE = 0x0a;

/** The longest COPY statement. The most columns (1600), with the longest names (63 bytes), all of them quotes, take a fifth of it. */
const MAX_HEADER_BYTES = 1024 * 1024;

/** Thrown for a frame that is not the COPYs with their rows that it should be. The message says what is wrong with it. */
export class RowsDamage extends Error {}

interface CopiedTable {
	/** Key of the table that the COPY fills. */
	table: string;
	/** For messages: `public.orders`. */
	name: string;
	/** The columns that the COPY names; undefined where it names none and means all. */
	columns: string[] | undefined;
}

/** The rows of one COPY. */
export interface FrameRows extends CopiedTable {
	rows: number;
	/** Bytes of the rows. */
	bytes: number;
}

/**
 * Reads a frame of rows: so many COPYs one after another, each with its rows and its end marker, and nothing else. Only the
 * COPY statements are kept.
 * @param onCopy called at the end of each of them
 * @throws RowsDamage; what the source throws
 */
export async function readRows(
	frame: AsyncIterable<Uint8Array>,
	copies: number,
	onCopy: (rows: FrameRows) => void,
): Promise<void> {
	let head: Buffer = Buffer.alloc(0);
	let reading: { copied: CopiedTable; splitter: CopyDataSplitter } | undefined;
	let read = 0;
	for await (const piece of frame) {
		let chunk = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
		while (chunk.length > 0) {
			if (!reading) {
				if (read === copies) throw new RowsDamage('goes on after the line that ends its rows');
				head = head.length > 0 ? Buffer.concat([head, chunk]) : chunk;
				const end = endOfStatement(head);
				if (end === undefined) break;
				reading = { copied: copiedTable(head.toString('utf8', 0, end)), splitter: new CopyDataSplitter() };
				chunk = head.subarray(end + 2);
				head = Buffer.alloc(0);
			}
			const { copied, splitter } = reading;
			splitter.push(chunk);
			if (splitter.rest === undefined) break;
			chunk = splitter.rest;
			reading = undefined;
			read++;
			onCopy({ ...copied, rows: splitter.lines, bytes: splitter.bytes });
		}
	}
	if (reading) throw new RowsDamage('ends without the line that ends its rows');
	if (head.length > 0 || read === 0) throw new RowsDamage('ends in its COPY statement');
	if (read < copies) throw new RowsDamage(`holds rows of ${read} tables where the manifest lists ${copies}`);
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

function copiedTable(statement: string): CopiedTable {
	const copy = readDataCopy(statement);
	const [schema, name, ...more] = copy?.name ?? [];
	if (!copy || copy.hasOptions || schema === undefined || name === undefined || more.length > 0) throw noCopy();
	return { table: tableKey(schema, name), name: `${schema}.${name}`, columns: copy.columns };
}
