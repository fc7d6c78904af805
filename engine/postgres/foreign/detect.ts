/*
 * Tells what a file made by somebody else is, by its contents; its name may say anything.
 *
 * How bytes move through: the first 4 KiB are read and put back in front of the stream. A wrapper (gzip, zstd, whatever
 * decrypts) is put around the stream, and its output is looked at in the same way.
 */
import { BackupError } from '../../errors';
import { peek } from '../../storage/peek';
import { skipAt } from '../statements/tokens';
import { decompress } from './decompress';

export type DumpFormat = 'custom' | 'plain';
export type DumpWrapper = 'gzip' | 'zstd' | 'openpgp';

export interface DetectedDump {
	format: DumpFormat;
	/** What the dump was wrapped in, outermost first. */
	wrappers: DumpWrapper[];
	/** The dump itself, from its first byte. Ends with the errors of its source and of its wrappers. */
	stream: AsyncIterable<Buffer>;
}

export interface DetectOptions {
	signal?: AbortSignal;
	/** Called for an OpenPGP message; without it, an encrypted dump is refused with KEY_MISSING. */
	decrypt?: (message: AsyncIterable<Buffer>) => AsyncIterable<Uint8Array>;
}

const HEAD_BYTES = 4096;
const MAX_WRAPPERS = 4;
/** Offset of the format's number in a header of pg_dump: 5 is the directory format's toc.dat. */
const FORMAT_OFFSET = 10;
const TAR_MAGIC_OFFSET = 257;

/**
 * Looks into a stream and through its wrappers.
 * @throws BackupError INVALID_INPUT for what is no dump that can be read, with what to do instead; ARCHIVE_INCOMPLETE
 * for an empty file; KEY_MISSING; ARCHIVE_CORRUPT; CANCELLED; what the source throws.
 */
export async function detectDump(
	source: AsyncIterable<Uint8Array>,
	options: DetectOptions = {},
): Promise<DetectedDump> {
	const wrappers: DumpWrapper[] = [];
	let stream = source;
	for (;;) {
		const { head, whole } = await peek(stream, HEAD_BYTES, options.signal);
		try {
			const kind = detectKind(head);
			if (kind === 'custom' || kind === 'plain') return { format: kind, wrappers, stream: whole };
			wrappers.push(kind);
			if (wrappers.length > MAX_WRAPPERS) {
				throw notADump('The file is wrapped too many times over', 'Unpack it first.');
			}
			stream = unwrap(kind, whole, options);
		} catch (error) {
			await whole[Symbol.asyncIterator]().return?.();
			throw error;
		}
	}
}

/** What a stream is whose first bytes these are. Errors as for `detectDump`. */
export function detectKind(head: Buffer): DumpFormat | DumpWrapper {
	if (head.length === 0) {
		throw new BackupError('ARCHIVE_INCOMPLETE', 'The file is empty.', {
			hint: 'Fetch it again, or choose another dump.',
		});
	}
	if (startsWith(head, [0x1f, 0x8b])) return 'gzip';
	if (startsWith(head, [0x28, 0xb5, 0x2f, 0xfd]) || isSkippableFrame(head)) return 'zstd';
	if (isOpenPgp(head)) return 'openpgp';
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
export function looksLikeSql(head: Buffer): boolean {
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

/** zstd files may begin with a frame that holds no data (pzstd, seekable zstd): 50..5f 2a 4d 18. */
function isSkippableFrame(head: Buffer): boolean {
	return (head[0]! & 0xf0) === 0x50 && startsWith(head.subarray(1), [0x2a, 0x4d, 0x18]);
}

/** Armoured, or a packet that opens an encrypted message: tags 1 and 3 (keys), 9 and 18 (data), in either header form. */
function isOpenPgp(head: Buffer): boolean {
	if (head.toString('latin1', 0, 27) === '-----BEGIN PGP MESSAGE-----') return true;
	const first = head[0]!;
	if ((first & 0x80) === 0) return false;
	const tag = (first & 0x40) !== 0 ? first & 0x3f : (first & 0x3c) >> 2;
	const known = tag === 1 || tag === 3 || tag === 9 || tag === 18;
	// Such a byte may begin a character of text, too; a packet's length and version hold bytes that text never does.
	return known && head.subarray(1, 8).some((byte) => byte < 0x09);
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

function unwrap(kind: DumpWrapper, stream: AsyncIterable<Buffer>, options: DetectOptions): AsyncIterable<Uint8Array> {
	if (kind !== 'openpgp') return decompress(stream, kind, `its ${kind} data`);
	if (options.decrypt) return options.decrypt(stream);
	throw new BackupError('KEY_MISSING', 'The dump is encrypted with OpenPGP.', {
		hint: 'Choose a Backup Encryption credential with its passphrase or private key.',
	});
}
