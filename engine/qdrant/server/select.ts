import { BackupError } from '../../errors';
import { collectionName, text } from './names';

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
 * @throws BackupError INVALID_INPUT for a name or a pattern that is no text or fits no collection
 */
export function selectCollections(all: string[], selection: CollectionSelection = {}): string[] {
	const { names = [] } = selection;
	const patterns = (selection.patterns ?? []).map((pattern) => text(pattern, 'A pattern'));
	const exclude = (selection.exclude ?? []).map((pattern) => text(pattern, 'A pattern of what to leave out'));
	const chosen = new Set(names.length + patterns.length === 0 ? all : []);
	for (const given of names) {
		const name = collectionName(given);
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

/**
 * Whether a name fits a pattern. Where characters after a `*` do not fit, only the last `*` takes one character more: that
 * finds every match, in at most the product of the lengths (a regular expression may take for ever).
 */
function matches(pattern: string, name: string): boolean {
	const [wanted, given] = [[...pattern], [...name]];
	let [at, next] = [0, 0];
	let star: { at: number; next: number } | undefined;
	while (next < given.length) {
		if (wanted[at] === '*') star = { at: ++at, next };
		else if (wanted[at] === '?' || wanted[at] === given[next]) [at, next] = [at + 1, next + 1];
		else if (star) [at, next] = [star.at, ++star.next];
		else return false;
	}
	return wanted.slice(at).every((character) => character === '*');
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
