/**
 * One line of a configuration file as PostgreSQL reads it (src/backend/utils/misc/guc-file.l), and whether it leads a server out of its
 * data directory.
 */

/** A setting, or one of the directives that read another file. */
export interface ConfigurationLine {
	/** In lower case, for PostgreSQL makes no difference. */
	name: string;
	/** Without quotes. */
	value: string;
}

/** Where the server keeps its data, who may log in, and files that it writes outside: those of the server that was backed up. */
const PLACES: ReadonlySet<string> = new Set(['data_directory', 'hba_file', 'ident_file', 'external_pid_file']);
/** What the server writes to, or empties when it starts; by default a folder in the data directory. */
const WRITTEN: ReadonlySet<string> = new Set(['log_directory', 'stats_temp_directory']);
const INCLUDES: ReadonlySet<string> = new Set(['include', 'include_if_exists', 'include_dir']);
/** What the server reads, or refuses to start without. */
const READ: ReadonlySet<string> = new Set([
	'krb_server_keyfile',
	'ssl_ca_file',
	'ssl_cert_file',
	'ssl_crl_dir',
	'ssl_crl_file',
	'ssl_dh_params_file',
	'ssl_key_file',
	'unix_socket_directories',
	'unix_socket_directory',
]);

const NAME = /^[ \t\r]*([A-Za-z_\x80-\xff][\w$.\x80-\xff]*)[ \t\r]*=?[ \t\r]*/;
const QUOTED = /^'((?:[^'\\]|\\.|'')*)'/;
const BARE = /^[^ \t\r#']*/;

/** @param line without its line break, a character for each byte. @returns undefined for one that sets nothing */
export function parseLine(line: string): ConfigurationLine | undefined {
	const [before, name] = NAME.exec(line) ?? [];
	if (before === undefined || name === undefined) return undefined;
	const rest = line.slice(before.length);
	const quoted = QUOTED.exec(rest)?.[1];
	return {
		name: name.toLowerCase(),
		value: quoted === undefined ? (BARE.exec(rest)?.[0] ?? '') : unquoted(quoted),
	};
}

const ESCAPED: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

/** As the server's GUC_scanstr: a quote stands twice, and a backslash before a digit means the number of a byte. */
function unquoted(text: string): string {
	return text.replace(/''|\\([0-7]{1,3}|.)/g, (_, one: string = "'") =>
		/^[0-7]/.test(one) ? String.fromCharCode(Number.parseInt(one, 8) & 0xff) : (ESCAPED[one] ?? one),
	);
}

/** What a line asks for: `leads out` of the data directory, reads `file` or `folder` of it, `names` a place outside, or none of that. */
export function effectOf({ name, value }: ConfigurationLine): 'leads out' | 'file' | 'folder' | 'names' | undefined {
	if (PLACES.has(name)) return 'leads out';
	if (WRITTEN.has(name)) return isWithin(value) ? undefined : 'leads out';
	if (INCLUDES.has(name)) return !isWithin(value) ? 'leads out' : name === 'include_dir' ? 'folder' : 'file';
	return READ.has(name) && value.startsWith('/') ? 'names' : undefined;
}

/** A path that surely stays in the folder that it is read from; what is not plain is not taken for one. */
function isWithin(value: string): boolean {
	return /^[\w.\-/ ]+$/.test(value) && !value.startsWith('/') && !value.split('/').includes('..');
}
