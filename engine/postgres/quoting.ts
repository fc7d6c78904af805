/*
 * How names and strings are written in SQL. Identifiers are always quoted, needed or not: which words are reserved
 * differs between PostgreSQL versions, and a script made on one version has to load into a later one.
 */

export function quoteIdentifier(name: string): string {
	return `"${name.replaceAll('"', '""')}"`;
}

/** A name with its schema, where it has one. */
export function quoteQualified(schema: string | null, name: string): string {
	return schema === null ? quoteIdentifier(name) : `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

/** A string that reads the same under either setting of standard_conforming_strings. */
export function quoteLiteral(text: string): string {
	const quoted = `'${text.replaceAll("'", "''")}'`;
	return text.includes('\\') ? `E${quoted.replaceAll('\\', '\\\\')}` : quoted;
}
