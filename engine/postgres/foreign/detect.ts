/* Tells which form of dump a file is that somebody else made, by its contents; its name may say anything. */
import { HEAD_BYTES, type Wrapper, unpack, type UnpackOptions } from '../../archive';
import { BackupError } from '../../errors';
import { skipAt } from '../statements/tokens';

export type DumpFormat = 'custom' | 'plain';

export interface DetectedDump {
	format: DumpFormat;
	/** What the dump was wrapped in, outermost first. */
	wrappers: Wrapper[];
	/** The dump itself, from its first byte. Ends with the errors of its source and of its wrappers. */
	stream: AsyncIterable<Buffer>;
}

/** Offset of the format's number in a header of pg_dump: 5 is the directory format's toc.dat. */
const FORMAT_OFFSET = 10;
const TAR_MAGIC_OFFSET = 257;

/**
 * Looks into a stream and through its wrappers.
 * @throws BackupError INVALID_INPUT for what is no dump that can be read, with what to do instead; and as unpack does
 */
export async function detectDump(
	source: AsyncIterable<Uint8Array>,
	options: UnpackOptions = {},
): Promise<DetectedDump> {
	const { wrappers, head, stream } = await unpack(source, options);
	try {
		return { format: detectFormat(head), wrappers, stream };
	} catch (error) {
		await stream[Symbol.asyncIterator]().return?.();
		throw error;
	}
}

/**
 * Which form of dump begins with these bytes.
 * @throws BackupError INVALID_INPUT for what is no dump that can be read, with what to do instead
 */
export function detectFormat(head: Buffer): DumpFormat {
	if (head.toString('latin1', 0, 5) === 'PGDMP') {
		if (head[FORMAT_OFFSET] === 5) throw notADump('This is the toc.dat of a dump in directory format', PG_RESTORE);
		return 'custom';
	}
	refuseOthers(head);
	return 'plain';
}

const PG_RESTORE = 'Turn the whole dump into SQL with pg_restore -f dump.sql, and restore that.';
const UNPACK = 'Unpack it first, or pack it with gzip or zstd.';

function refuseOthers(head: Buffer): void {
	const isTar = head.toString('latin1', TAR_MAGIC_OFFSET, TAR_MAGIC_OFFSET + 5) === 'ustar';
	if (isTar && head.toString('latin1', 0, 7) === 'toc.dat') throw notADump('This is a dump in tar format', PG_RESTORE);
	if (isTar)
		throw notADump(
			'This is a tar archive',
			'Unpack it; if it holds a dump in directory format, turn that into SQL with pg_restore -f dump.sql.',
		);
	for (const [name, magic] of OTHERS) if (startsWith(head, magic)) throw notADump(`This is ${name}`, UNPACK);
	if (startsWith(head, [0xff, 0xfe]) || startsWith(head, [0xfe, 0xff]) || looksLikeUtf16(head)) {
		throw notADump(
			'The file is in UTF-16',
			'PowerShell writes that with >. Make the dump with pg_dump -f, or convert it to UTF-8.',
		);
	}
	const text = head.toString('latin1');
	if (text.includes('\0')) throw notADump('The file is neither SQL nor an archive of pg_dump', CHOOSE);
	const other = /^(?:-- (MySQL|MariaDB) dump|(PRAGMA) foreign_keys)/m.exec(text.slice(0, 400));
	if (other) throw notADump(`This is a dump of ${other[2] ? 'SQLite' : other[1]}, not of PostgreSQL`, CHOOSE);
	if (!looksLikeSql(head)) throw notADump('The file is text, but not SQL', CHOOSE);
}

/** What a script may begin with: comments, a command of psql, or the first word of a statement. */
const OPENING =
	/^(?:\\[a-z]|(?:ABORT|ALTER|ANALYZE|BEGIN|CALL|CLUSTER|COMMENT|COMMIT|COPY|CREATE|DELETE|DISCARD|DO|DROP|END|EXPLAIN|GRANT|INSERT|LOCK|MERGE|NOTIFY|REASSIGN|REFRESH|REINDEX|RESET|REVOKE|ROLLBACK|SAVEPOINT|SECURITY|SELECT|SET|SHOW|START|TABLE|TRUNCATE|UPDATE|VACUUM|VALUES|WITH)\b)/i;

/** The longest word that a script may begin with. */
const WORD_BYTES = 16;

/** Whether these first bytes are SQL, as far as they tell: they may hold nothing but comments, and end within a word. */
function looksLikeSql(head: Buffer): boolean {
	const text = head.toString('latin1').replace(/^\xef\xbb\xbf/, '');
	let at = 0;
	// White space and comments, which nest, and statements without a word.
	for (let before = -1; before !== at && /[\s;/-]/.test(text[at] ?? '');) {
		before = at;
		at = text[at] === ';' ? at + 1 : skipAt(text, at, true);
	}
	const rest = text.slice(at);
	const isCut = head.length >= HEAD_BYTES && rest.length < WORD_BYTES;
	return rest === '' || isCut || OPENING.test(rest);
}

const CHOOSE = 'Choose a file made by pg_dump: plain SQL, or the custom format (-Fc).';

const OTHERS: ReadonlyArray<readonly [string, number[]]> = [
	['packed with lz4', [0x04, 0x22, 0x4d, 0x18]],
	['packed with xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
	['packed with bzip2', [0x42, 0x5a, 0x68]],
	['a zip archive', [0x50, 0x4b, 0x03, 0x04]],
	['a 7-Zip archive', [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]],
];

function startsWith(head: Buffer, magic: number[]): boolean {
	return magic.every((byte, index) => head[index] === byte);
}

function looksLikeUtf16(head: Buffer): boolean {
	let zeros = 0;
	const length = Math.min(head.length, 256);
	for (let index = 0; index < length; index++) if (head[index] === 0) zeros++;
	return length >= 4 && zeros >= length / 3 && zeros <= (2 * length) / 3 && (head[0] === 0) !== (head[1] === 0);
}

function notADump(message: string, hint: string): BackupError {
	return new BackupError('INVALID_INPUT', `${message}.`, { hint });
}
