import { BackupError } from '../errors';

export interface CollectionSelection {
	/** Exact names; each must be there. */
	names?: string[];
	/** `*` stands for any characters, `?` for one. */
	patterns?: string[];
	/** Patterns of what to leave out of all others. */
	exclude?: string[];
}

/**
 * The collections that a selection means, sorted; all where it names none.
 * @throws BackupError INVALID_INPUT for a name or a pattern that fits no collection
 */
export function selectCollections(all: string[], selection: CollectionSelection = {}): string[] {
	const { names = [], patterns = [], exclude = [] } = selection;
	const chosen = new Set(names.length + patterns.length === 0 ? all : []);
	for (const name of names) {
		if (!all.includes(name)) throw unknown(`There is no collection ${name}.`, all);
		chosen.add(name);
	}
	for (const pattern of patterns) {
		const matching = all.filter((name) => matches(pattern, name));
		if (matching.length === 0) throw unknown(`No collection fits the pattern ${pattern}.`, all);
		for (const name of matching) chosen.add(name);
	}
	return [...chosen].filter((name) => !exclude.some((pattern) => matches(pattern, name))).sort();
}

function matches(pattern: string, name: string): boolean {
	const source = pattern
		.replace(/[.+^${}()|[\]\\]/g, '\\$&')
		.replace(/\*/g, '.*')
		.replace(/\?/g, '.');
	return new RegExp(`^${source}$`, 'su').test(name);
}

function unknown(message: string, all: string[]): BackupError {
	const listed = all.slice(0, 20).join(', ');
	return new BackupError('INVALID_INPUT', message, {
		hint:
			all.length === 0
				? 'The server has no collections.'
				: `The server has: ${listed}${all.length > 20 ? ', ...' : ''}.`,
	});
}
