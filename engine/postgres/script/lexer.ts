/*
 * Splits a psql script, as pg_dump writes it, into statements, COPY rows and backslash commands.
 *
 * How bytes move through: chunks come from the source one at a time, when the consumer asks. The scanner holds the
 * statement begun but not finished, and nothing else is kept; the rows of a COPY pass through as views of the chunks
 * they came in. A COPY's rows have to be read (or left) before the next item is asked for: what the consumer left is
 * then skipped.
 *
 * The script's text is never trusted to say what it is: comments (`-- Name: ...`) can be forged, so they only name
 * things in errors.
 */
import { BackupError, throwIfCancelled } from '../../errors';
import { CopyDataSplitter } from './copy-data';
import { copyInEncoding, decodingFor, type TextDecoding } from './encoding';
import { parseMetaArguments } from './meta';
import { StatementScanner } from './scanner';
import type { Found } from './window';
import { isOff, readScriptSetting } from './settings';

export interface ScriptStatement {
	type: 'statement';
	/** Ready to be run on a connection whose client encoding is UTF8; without the final semicolon. */
	text: string;
	/** Comments that stood before it: fit for naming it in a message, for nothing else. */
	comment: string;
	/** Line of its first character, from 1. */
	line: number;
}

export interface ScriptCopy {
	type: 'copy';
	/** The COPY ... FROM stdin, to be run on a connection whose client encoding is UTF8; without the semicolon. */
	statement: string;
	comment: string;
	line: number;
	/** The rows as the COPY wants them, in chunks cut anywhere, without the end marker. Can be read once. */
	rows: AsyncIterable<Buffer>;
	/** Lines and bytes of rows read so far; after the rows, all of them. In the text format a line is a row. */
	counts(): { lines: number; bytes: number };
}

/** `\connect shop`, `\restrict key`, ... Nothing here runs them. */
export interface ScriptMeta {
	type: 'meta';
	/** Without the backslash: `connect`. */
	command: string;
	args: string[];
	line: number;
}

export type ScriptItem = ScriptStatement | ScriptCopy | ScriptMeta;

export interface LexOptions {
	/** Default 512 MiB, what a JavaScript string can hold. */
	maxStatementBytes?: number;
	/** Told of each line comment between statements: see StatementScanner. */
	onComment?: (text: string) => void;
	/** What the scripts before this one have set standard_conforming_strings to; on unless told. */
	standardStrings?: boolean;
	signal?: AbortSignal;
}

/**
 * Bytes of the longest definition in a script of ours. What is longer is refused when the backup is made, and where it is
 * read: a few kilobytes of an archive may claim to be gigabytes of one statement, which is kept whole.
 */
export const MAX_DEFINITION_BYTES = 128 * 1024 * 1024;

/**
 * The items of a script, in order.
 *
 * Statements come out as text whatever the script's `client_encoding` is: a `SET client_encoding` to anything but
 * UTF8 is answered as one to UTF8, and COPYs of rows in another encoding get COPY's option ENCODING.
 *
 * @throws BackupError ARCHIVE_INCOMPLETE when the input ends inside of a statement, a string or a COPY's rows;
 * ARCHIVE_CORRUPT for bytes that are not text; INVALID_INPUT for a statement that is too long, an encoding that cannot
 * be read, a backslash command in the middle of a statement; CANCELLED; what the source throws.
 */
export async function* lexScript(
	source: AsyncIterable<Uint8Array>,
	options: LexOptions = {},
): AsyncGenerator<ScriptItem, void, undefined> {
	const input = source[Symbol.asyncIterator]();
	try {
		yield* new ScriptReader(input, options).items();
	} finally {
		await input.return?.();
	}
}

class ScriptReader {
	readonly #scanner: StatementScanner;
	#decoding: TextDecoding = decodingFor('UTF8');
	#first = true;

	constructor(
		readonly input: AsyncIterator<Uint8Array>,
		readonly options: LexOptions,
	) {
		this.#scanner = new StatementScanner(options.maxStatementBytes);
		this.#scanner.onComment = options.onComment;
		this.#scanner.standardStrings = options.standardStrings ?? true;
	}

	async *items(): AsyncGenerator<ScriptItem, void, undefined> {
		let ended = false;
		for (;;) {
			const found = this.#scanner.next();
			if (found) yield* this.#item(found);
			else if (ended) return this.#checkEnd();
			else ended = !(await this.#more());
		}
	}

	async *#item(found: Found): AsyncGenerator<ScriptItem, void, undefined> {
		if (found.type === 'backslash') {
			const meta = await this.#meta(found);
			if (meta) yield meta;
			return;
		}
		if (found.copyFromStdin) {
			const copy = this.#copy(found);
			yield copy.item;
			await copy.skip();
			return;
		}
		yield { type: 'statement', text: this.#statementText(found), comment: commentOf(found), line: found.line };
	}

	/** Reads a chunk into the scanner; false at the end of the input. */
	async #more(): Promise<boolean> {
		const chunk = await this.#read();
		if (chunk === undefined) {
			this.#scanner.finish();
			return false;
		}
		this.#scanner.push(chunk);
		return true;
	}

	async #read(): Promise<Buffer | undefined> {
		for (;;) {
			throwIfCancelled(this.options.signal);
			const result = await this.input.next();
			if (result.done) return undefined;
			const { buffer, byteOffset, byteLength } = result.value;
			if (byteLength === 0) continue;
			const chunk = Buffer.from(buffer, byteOffset, byteLength);
			if (!this.#first) return chunk;
			this.#first = false;
			return this.#withoutByteOrderMark(chunk);
		}
	}

	/** psql skips a UTF-8 byte order mark; it is three bytes, which may come one by one. */
	async #withoutByteOrderMark(chunk: Buffer): Promise<Buffer | undefined> {
		let head = chunk;
		while (head.length < 3 && head[0] === 0xef) {
			const next = await this.#read();
			if (next === undefined) return head;
			head = Buffer.concat([head, next]);
		}
		const marked = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf;
		if (!marked) return head;
		return head.length > 3 ? head.subarray(3) : this.#read();
	}

	#statementText(found: Found): string {
		const text = this.#decode(found);
		if (found.firstWord !== 'set') return text;
		const setting = readScriptSetting(text);
		if (setting?.name === 'standard_conforming_strings') {
			this.#scanner.standardStrings = !isOff(setting.value);
		} else if (setting?.name === 'client_encoding') {
			this.#decoding = decodingFor(setting.value);
			if (!this.#decoding.isUtf8) return "SET client_encoding = 'UTF8'";
		}
		return text;
	}

	#decode(found: Found): string {
		try {
			return this.#decoding.decode(found.bytes);
		} catch (error) {
			if (!(error instanceof BackupError)) throw error;
			throw new BackupError(error.code, `In the statement that begins in line ${found.line}: ${error.message}`, {
				cause: error,
				...(error.hint === undefined ? {} : { hint: error.hint }),
			});
		}
	}

	#copy(found: Found): { item: ScriptCopy; skip: () => Promise<void> } {
		const statement = copyInEncoding(this.#decode(found), this.#decoding);
		const splitter = new CopyDataSplitter();
		const rows = this.#copyRows(found.line, splitter);
		const item: ScriptCopy = {
			type: 'copy',
			statement,
			comment: commentOf(found),
			line: found.line,
			// Leaving the loop over the rows early must not end the generator: the rest is skipped through it.
			rows: { [Symbol.asyncIterator]: () => ({ next: () => rows.next() }) },
			counts: () => ({ lines: splitter.lines, bytes: splitter.bytes }),
		};
		const skip = async (): Promise<void> => {
			while (!(await rows.next()).done);
		};
		return { item, skip };
	}

	async *#copyRows(line: number, splitter: CopyDataSplitter): AsyncGenerator<Buffer, void, undefined> {
		let data: Buffer | undefined = await this.#afterCopyStatement(line);
		while (data !== undefined) {
			const rows = splitter.push(data);
			if (rows.length > 0) yield rows;
			if (splitter.rest !== undefined) break;
			data = await this.#read();
		}
		if (!splitter.finish()) {
			throw new BackupError('ARCHIVE_INCOMPLETE', `The dump ends in the rows of the COPY of line ${line}.`, {
				hint: 'The file was cut off. Fetch it again, or choose another dump.',
			});
		}
		this.#scanner.skipped(splitter.bytes + splitter.markerBytes, splitter.lines + 1);
		if (splitter.rest!.length > 0) this.#scanner.push(splitter.rest!);
	}

	/** The rows begin in the line after the statement's. */
	async #afterCopyStatement(line: number): Promise<Buffer | undefined> {
		const { line: text, rest } = await this.#restOfLine();
		if (/^\s*(--.*)?$/.test(text.toString('latin1'))) return rest;
		throw new BackupError('INVALID_INPUT', `Something follows the COPY ... FROM stdin in line ${line}.`, {
			hint: 'Its rows have to begin in the next line. Put what follows into a line of its own, after the rows.',
		});
	}

	/** Takes the rest of the current line, without its newline, and whatever else of the input was read already. */
	async #restOfLine(): Promise<{ line: Buffer; rest: Buffer | undefined }> {
		const pieces: Buffer[] = [];
		let bytes = 0;
		for (let data: Buffer | undefined = this.#scanner.takeRest(); data; data = await this.#read()) {
			const newline = data.indexOf(0x0a);
			const piece = newline < 0 ? data : data.subarray(0, newline);
			bytes += piece.length;
			if (bytes > MAX_LINE_BYTES) throw lineTooLong(this.#scanner.line);
			pieces.push(piece);
			if (newline < 0) continue;
			this.#scanner.skipped(bytes + 1, 1);
			return { line: Buffer.concat(pieces), rest: data.subarray(newline + 1) };
		}
		this.#scanner.skipped(bytes, 0);
		return { line: Buffer.concat(pieces), rest: undefined };
	}

	async #meta(found: Found): Promise<ScriptMeta | undefined> {
		if (found.bytes.length > 0) {
			throw new BackupError(
				'INVALID_INPUT',
				`A psql backslash command stands in the statement that begins in line ${found.line}.`,
				{ hint: 'Such a script can be run by psql only.' },
			);
		}
		const { line, rest } = await this.#restOfLine();
		if (rest && rest.length > 0) this.#scanner.push(rest);
		const text = this.#decoding.decode(line).replace(/\r$/, '');
		const match = /^\\(\S*)([\s\S]*)$/.exec(text)!;
		if (match[1] === '\\') return undefined;
		return { type: 'meta', command: match[1]!, args: parseMetaArguments(match[2]!), line: found.line };
	}

	#checkEnd(): void {
		const left = this.#scanner.unfinished();
		if (!left) return;
		const name = nameOf(commentOf(left));
		throw new BackupError(
			'ARCHIVE_INCOMPLETE',
			`The script ends in ${left.why}, which begins in line ${left.line}${name ? ` (${name})` : ''}.`,
			{
				hint: left.whole
					? 'The file was cut off; if it is whole, end its last statement with a semicolon.'
					: 'The file was cut off. Fetch it again, or choose another dump.',
			},
		);
	}
}

/** A backslash command or the end of a COPY's line is short. */
const MAX_LINE_BYTES = 1024 * 1024;

function lineTooLong(line: number): BackupError {
	return new BackupError('INVALID_INPUT', `Line ${line} of the script is too long.`, {
		hint: 'This is not a script that pg_dump made, or it was damaged.',
	});
}

function commentOf(found: Pick<Found, 'leading'>): string {
	return found.leading.toString('utf8').trim();
}

/** What pg_dump's comment says the statement is for; only for messages. */
function nameOf(comment: string): string | undefined {
	const match = /^-- (?:Data for )?Name: (.*?); Type: ([A-Z ]+);/m.exec(comment);
	return match ? `${match[2]!.toLowerCase()} ${match[1]!}` : undefined;
}
