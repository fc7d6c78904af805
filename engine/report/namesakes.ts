import type { SeriesState } from './held';

type Named = Pick<SeriesState, 'kind' | 'name'>;

/** Asked for each series by each metric and text: looking through all of them each time would take the square of their number. */
const known = new WeakMap<readonly SeriesState[], Map<string, SeriesState[]>>();

/** The series of one kind and name, which several servers or folders may have. */
export function namesakesOf(all: readonly SeriesState[], named: Named): readonly SeriesState[] {
	const byName = known.get(all) ?? groupedBy(all, keyOf);
	known.set(all, byName);
	return byName.get(keyOf(named)) ?? [];
}

/** Entries by what they have in common, in their order. */
export function groupedBy<T, K>(entries: readonly T[], keyFor: (entry: T) => K): Map<K, T[]> {
	const groups = new Map<K, T[]>();
	for (const entry of entries) {
		const key = keyFor(entry);
		const group = groups.get(key);
		if (group) group.push(entry);
		else groups.set(key, [entry]);
	}
	return groups;
}

function keyOf({ kind, name }: Named): string {
	return `${kind} ${name}`;
}
