import { BackupError } from '../../errors';

/**
 * PostgreSQL's encoding names (without `-` and `_`, upper case) that JavaScript can decode and in which no byte of a
 * multi-byte character is an ASCII byte, so that scripts in them can be split by looking at bytes.
 * Names: https://www.postgresql.org/docs/current/multibyte.html
 */
const DECODERS: Record<string, string> = {
	UTF8: 'utf-8',
	UNICODE: 'utf-8',
	// The server checks nothing in a SQL_ASCII database; statements have to be text for us all the same.
	SQLASCII: 'utf-8',
	LATIN1: 'latin1',
	ISO88591: 'latin1',
	LATIN2: 'iso-8859-2',
	ISO88592: 'iso-8859-2',
	LATIN3: 'iso-8859-3',
	LATIN4: 'iso-8859-4',
	LATIN6: 'iso-8859-10',
	LATIN7: 'iso-8859-13',
	LATIN8: 'iso-8859-14',
	LATIN9: 'iso-8859-15',
	LATIN10: 'iso-8859-16',
	ISO88595: 'iso-8859-5',
	ISO88596: 'iso-8859-6',
	ISO88597: 'iso-8859-7',
	ISO88598: 'iso-8859-8',
	KOI8: 'koi8-r',
	KOI8R: 'koi8-r',
	KOI8U: 'koi8-u',
	WIN866: 'ibm866',
	WIN874: 'windows-874',
	WIN1250: 'windows-1250',
	WIN1251: 'windows-1251',
	WIN1252: 'windows-1252',
	WIN1253: 'windows-1253',
	WIN1254: 'windows-1254',
	WIN1255: 'windows-1255',
	WIN1256: 'windows-1256',
	WIN1257: 'windows-1257',
	WIN1258: 'windows-1258',
	EUCJP: 'euc-jp',
	EUCKR: 'euc-kr',
	EUCCN: 'gbk',
};

/** Turns bytes of a dump into text. `encoding` is PostgreSQL's name as the dump spells it. */
export interface TextDecoding {
	encoding: string;
	isUtf8: boolean;
	/** @throws BackupError ARCHIVE_CORRUPT when the bytes are not valid in the encoding. */
	decode(bytes: Uint8Array): string;
}

/**
 * The decoding for one of PostgreSQL's client encodings.
 * @throws BackupError INVALID_INPUT for encodings that cannot be read here.
 */
export function decodingFor(encoding: string): TextDecoding {
	const key = encoding.toUpperCase().replace(/[^A-Z0-9]/g, '');
	const label = DECODERS[key];
	if (label === undefined) {
		throw new BackupError('INVALID_INPUT', `The dump is in the encoding ${encoding}, which cannot be read here.`, {
			hint: 'Make the dump again with pg_dump --encoding=UTF8.',
		});
	}
	const isUtf8 = key === 'UTF8' || key === 'UNICODE';
	// WHATWG calls windows-1252 "latin1"; PostgreSQL's LATIN1 is the real ISO 8859-1, which is Buffer's.
	if (label === 'latin1') return { encoding, isUtf8, decode: (bytes) => Buffer.from(bytes).toString('latin1') };
	const decoder = new TextDecoder(label, { fatal: true, ignoreBOM: true });
	return {
		encoding,
		isUtf8,
		decode: (bytes) => {
			try {
				return decoder.decode(bytes);
			} catch (cause) {
				throw new BackupError('ARCHIVE_CORRUPT', `The dump holds text that is not valid ${encoding}.`, {
					cause,
					hint: 'The file was damaged or converted. Make the dump again with pg_dump --encoding=UTF8.',
				});
			}
		},
	};
}

/**
 * A `COPY ... FROM stdin` that tells the server which encoding its rows have, for a connection whose client encoding
 * is UTF8 (COPY's option ENCODING, PostgreSQL 9.1). Unchanged for UTF-8 rows.
 */
export function copyInEncoding(statement: string, decoding: TextDecoding): string {
	if (decoding.isUtf8) return statement;
	const bare = statement.replace(/[\s;]+$/, '');
	const encoding = `ENCODING '${decoding.encoding.replace(/'/g, "''")}'`;
	if (/\bstdin$/i.test(bare)) return `${bare} WITH (${encoding})`;
	if (bare.endsWith(')')) return `${bare.slice(0, -1)}, ${encoding})`;
	throw new BackupError(
		'INVALID_INPUT',
		`The COPY of a dump in ${decoding.encoding} has options that cannot be read.`,
		{
			hint: 'Make the dump again with pg_dump --encoding=UTF8.',
		},
	);
}
