/** A name as SQL text spells it, with its schema where it has one. */
export interface QualifiedName {
	schema: string | null;
	name: string;
}

/** A quoted or bare identifier. */
export const IDENTIFIER = '(?:"(?:[^"]|"")*"|[A-Za-z_\\u0080-\\uffff][A-Za-z0-9_$\\u0080-\\uffff]*)';
export const QUALIFIED = `${IDENTIFIER}(?:\\s*\\.\\s*${IDENTIFIER}){0,2}`;

const PART = new RegExp(IDENTIFIER, 'g');

/** Takes `"My Schema".orders` apart: quotes removed, bare names in lower case. Of three parts the last two count. */
export function parseQualifiedName(text: string): QualifiedName {
	const parts = (text.match(PART) ?? []).map((part) =>
		part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part.toLowerCase(),
	);
	return { schema: parts.length > 1 ? parts[parts.length - 2]! : null, name: parts[parts.length - 1] ?? '' };
}
