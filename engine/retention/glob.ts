/**
 * A test of keys against a pattern in which `*` stands for any characters and `?` for one, neither for a slash. A pattern
 * without a slash is about names in any folder, one with a slash about whole keys.
 */
export function compileGlob(pattern: string): (key: string) => boolean {
	const source = pattern
		.replace(/[.+^${}()|[\]\\]/g, '\\$&')
		.replace(/\*+/g, '[^/]*')
		.replace(/\?/g, '[^/]');
	const expression = new RegExp(`^${source}$`, 'u');
	const isAboutNames = !pattern.includes('/');
	return (key) => expression.test(isAboutNames ? key.slice(key.lastIndexOf('/') + 1) : key);
}
