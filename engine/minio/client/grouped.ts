/**
 * Some servers list all versions of a page first and its delete markers after them, or the other way round, where S3 has both in the order of
 * keys, those of a key from the newest on. Their order can be had again: by keys, and in a key by what is the latest, and by times. Left as it
 * came, what was deleted would be stored as older than what it replaced.
 */
import { compareNames } from '../../tree';

interface Item {
	key: string;
	version: { isLatest: boolean; isDeleteMarker: boolean; modifiedAt: number };
}

/** The items of a page in the order of S3; as they came where they are not grouped, or a group is out of order by itself. */
export function ungrouped<T extends Item>(items: readonly T[]): readonly T[] {
	const at = items.findIndex(({ version }) => version.isDeleteMarker !== items[0]?.version.isDeleteMarker);
	if (at < 0) return items;
	const [first, second] = [items.slice(0, at), items.slice(at)];
	const isGrouped = second.every(({ version }) => version.isDeleteMarker === second[0]?.version.isDeleteMarker);
	if (!isGrouped || !isSorted(first) || !isSorted(second)) return items;
	const merged: T[] = [];
	let next = 0;
	for (const item of first) {
		while (next < second.length && comesBefore(second[next]!, item)) merged.push(second[next++]!);
		merged.push(item);
	}
	return [...merged, ...second.slice(next)];
}

/** Items of one time stay in the order in which they came. */
function comesBefore(one: Item, other: Item): boolean {
	const order = compareNames(one.key, other.key);
	if (order !== 0) return order < 0;
	if (one.version.isLatest !== other.version.isLatest) return one.version.isLatest;
	return one.version.modifiedAt > other.version.modifiedAt;
}

function isSorted(items: readonly Item[]): boolean {
	return items.every(({ key }, index) => index === 0 || compareNames(items[index - 1]!.key, key) <= 0);
}
