/**
 * Identifiers are always quoted, needed or not: which words are reserved differs between PostgreSQL versions, and a
 * script made on one version has to load into a later one.
 */
export function identifier(name: string): string {
	return `"${name.replaceAll('"', '""')}"`;
}

/** A string literal that reads the same under either setting of standard_conforming_strings. */
export function literal(text: string): string {
	const quoted = `'${text.replaceAll("'", "''")}'`;
	return text.includes('\\') ? `E${quoted.replaceAll('\\', '\\\\')}` : quoted;
}
