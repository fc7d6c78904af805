import { quoteIdentifier, quoteLiteral } from '../quoting';

/**
 * Settings whose values are lists of names, marked GUC_LIST_QUOTE in PostgreSQL's guc_tables.c. The server cannot be
 * asked for this mark; pg_dump keeps the same list (variable_is_guc_list_quote in src/bin/pg_dump/dumputils.c).
 */
const QUOTED_LISTS = new Set([
	'local_preload_libraries',
	'search_path',
	'session_preload_libraries',
	'shared_preload_libraries',
	'temp_tablespaces',
	'unix_socket_directories',
]);

/**
 * The value of a setting as `ALTER ROLE ... SET name TO <value>` wants it.
 * @param stored as pg_db_role_setting holds it: for lists of names `"$user", public`, otherwise the plain value
 */
export function settingValue(name: string, stored: string): string {
	if (!QUOTED_LISTS.has(name.toLowerCase())) return quoteLiteral(stored);
	return listElements(stored).map(quoteLiteral).join(', ') || "''";
}

/**
 * `ALTER ROLE` statement for one entry of pg_db_role_setting.setconfig.
 * @param entry `name=value`
 */
export function roleSetting(role: string, entry: string): string | undefined {
	const equals = entry.indexOf('=');
	if (equals < 0) return undefined;
	const name = entry.slice(0, equals);
	return `ALTER ROLE ${quoteIdentifier(role)} SET ${quoteIdentifier(name)} TO ${settingValue(name, entry.slice(equals + 1))};`;
}

/** Splits `"$user", "a ""b""", public`: elements are double-quoted or bare, blanks around them do not count. */
function listElements(stored: string): string[] {
	const element = /\s*(?:"((?:[^"]|"")*)"|([^\s,"]+))\s*(?:,|$)/y;
	const elements: string[] = [];
	while (element.lastIndex < stored.length) {
		const at = element.lastIndex;
		const match = element.exec(stored);
		// Not a list after all: the server wrote it, so hand it on whole rather than lose it.
		if (!match) return at === 0 && stored.trim() === '' ? [] : [stored];
		elements.push(match[1] === undefined ? (match[2] ?? '') : match[1].replaceAll('""', '"'));
	}
	return elements;
}
