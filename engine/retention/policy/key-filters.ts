import { assertPrefix } from '../../storage/keys';

/**
 * A test of keys: whether they lie in one of some folders, or below.
 * @param prefixes `postgres/` or `postgres`; none for the whole storage
 * @throws BackupError INVALID_INPUT for what is no folder of a storage
 */
export function scopeOf(prefixes: readonly string[]): (key: string) => boolean {
	const folders = foldersOf(prefixes);
	if (folders.length === 0) return () => true;
	return (key) => folders.some((folder) => key.startsWith(folder));
}

/** The folders with their slashes; none where one of them is the whole storage. @throws BackupError INVALID_INPUT */
export function foldersOf(prefixes: readonly string[]): string[] {
	for (const prefix of prefixes) assertPrefix(prefix);
	const folders = prefixes.map((prefix) => (prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`));
	return folders.includes('') ? [] : folders;
}

/**
 * A test of keys against a pattern in which `*` stands for any characters and `?` for one, neither for a slash. A pattern
 * without a slash is about names in any folder, one with a slash about whole keys; a slash before all of it stands for the
 * storage itself, so that what lies beside all folders can be named.
 */
export function compileGlob(pattern: string): (key: string) => boolean {
	const source = pattern
		.replace(/^\//, '')
		.replace(/[.+^${}()|[\]\\]/g, '\\$&')
		.replace(/\*+/g, '[^/]*')
		.replace(/\?/g, '[^/]');
	const expression = new RegExp(`^${source}$`, 'u');
	const isAboutNames = !pattern.includes('/');
	return (key) => expression.test(isAboutNames ? key.slice(key.lastIndexOf('/') + 1) : key);
}
