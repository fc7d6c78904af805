const COMMENT = /-- (?:Data for )?Name: (.*?); Type: ([^;]*); Schema: ([^;]*);/;

/** Where a statement begins to hold values, which may be rows or passwords. */
const VALUES = /['$]|\bVALUES\b/i;

const LENGTH = 80;

/** What a statement is about, for messages: as pg_dump's comment before it says, or its own first words. */
export function objectName(comment: string, statement: string): string {
	const [, name, type, schema] = COMMENT.exec(comment) ?? [];
	if (name) return schema && schema !== '-' ? `${type} ${schema}.${name}` : `${type} ${name}`;
	const words = statement.slice(0, 4 * LENGTH).replace(/\s+/g, ' ');
	const end = Math.min(VALUES.exec(words)?.index ?? words.length, LENGTH);
	return end < words.length ? `${words.slice(0, end).trimEnd()}…` : words;
}
