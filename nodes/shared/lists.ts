import { BackupError } from '../../engine';

/**
 * The entries of a free-text list: separated by commas or line breaks, except inside double quotes. An expression may
 * also give an array of texts.
 * @param label The name of the field in the editor.
 * @throws BackupError INVALID_INPUT that names the field, for what is neither; nothing at all is an empty list
 */
export function splitList(value: unknown, label = 'The list'): string[] {
	if (value === undefined || value === null) return [];
	if (Array.isArray(value) && value.every((entry) => typeof entry === 'string')) {
		return value.filter((entry) => entry.trim() !== '');
	}
	if (typeof value !== 'string') {
		const given = JSON.stringify(value).slice(0, 40);
		throw new BackupError('INVALID_INPUT', `${label} is ${given}: neither a text nor a list of texts.`, {
			hint: 'Give names separated by commas, or an array of names.',
		});
	}
	const entries = value.match(/(?:[^",\n]|"(?:[^"]|"")*"?)+/g) ?? [];
	return entries.map((entry) => entry.trim()).filter((entry) => entry !== '');
}

/** A name that may be written in double quotes, as SQL wants it. */
export function unquoted(name: string): string {
	const [, quoted] = /^"((?:[^"]|"")*)"$/.exec(name) ?? [];
	return quoted === undefined ? name : quoted.replaceAll('""', '"');
}
