import type { StorageState } from './state';

/**
 * A test of names against patterns, in which `*` stands for any characters and `?` for one. Names are compared as they are,
 * for the names of databases and buckets are.
 */
export function nameFilter(patterns: readonly string[]): (name: string) => boolean {
	const names = new Set(patterns.filter((pattern) => !/[*?]/.test(pattern)));
	const expressions = patterns.filter((pattern) => /[*?]/.test(pattern)).map(expressionOf);
	return (name) => names.has(name) || expressions.some((expression) => expression.test(name));
}

/**
 * What a storage holds without what nobody wants to hear of any more: it counts in no target, metric or row. Its bytes stay
 * in the storage's sum, for they take up its room.
 */
export function withoutIgnored(state: StorageState, patterns: readonly string[]): StorageState {
	if (patterns.length === 0) return state;
	const isIgnored = nameFilter(patterns);
	const series = state.series.filter(({ name }) => !isIgnored(name));
	const logs = state.logs?.filter(({ name }) => !isIgnored(name));
	return { ...state, series, ...(logs && { logs }), ignored: state.series.filter(({ name }) => isIgnored(name)) };
}

function expressionOf(pattern: string): RegExp {
	const source = pattern
		.replace(/[.+^${}()|[\]\\]/g, '\\$&')
		.replace(/\*+/g, '.*')
		.replace(/\?/g, '.');
	return new RegExp(`^${source}$`, 'su');
}
