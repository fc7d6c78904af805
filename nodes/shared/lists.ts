/**
 * The entries of a free-text list: separated by commas or line breaks, except inside double quotes. An expression may
 * also give an array.
 */
export function splitList(value: unknown): string[] {
	if (Array.isArray(value)) return value.map(String).filter((entry) => entry !== '');
	if (typeof value !== 'string') return [];
	const entries = value.match(/(?:[^",\n]|"(?:[^"]|"")*"?)+/g) ?? [];
	return entries.map((entry) => entry.trim()).filter((entry) => entry !== '');
}
