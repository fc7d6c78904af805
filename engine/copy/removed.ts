import { seriesIn, type ListedBackup } from '../archive';
import { possibleKeysOf } from './form';
import { isComplete, type Side } from './side';

/**
 * Tells what was removed from the target, by retention or by people, from what is missing there. What was copied before and is
 * not there any more was removed. But no retention removes the last backup of a series: so of what has no newer one there
 * it is missing, whatever was copied before.
 */
export class RemovedAtTarget {
	readonly #newestThere = new Map<string, string>();
	readonly #seriesOf: ReadonlyMap<ListedBackup, string>;

	/** @param copiedBefore ids of what was copied there before */
	constructor(
		source: Side,
		private readonly target: Side,
		private readonly copiedBefore: ReadonlySet<string>,
	) {
		const there = [...target.byId.values()].flat();
		this.#seriesOf = seriesIn([...[...source.byId.values()].flat(), ...there]);
		for (const backup of there) {
			const { startedAt, partial, checkpoint } = backup.manifest;
			if (partial || checkpoint || !isComplete(backup)) continue;
			const series = this.#seriesOf.get(backup)!;
			if (startedAt > (this.#newestThere.get(series) ?? '')) this.#newestThere.set(series, startedAt);
		}
	}

	/** @param backup one of the source */
	has(backup: ListedBackup): boolean {
		const { id, startedAt } = backup.manifest;
		if (!this.copiedBefore.has(id) || this.target.byId.has(id)) return false;
		// What stands there, and is damaged or has lost its manifest, nobody has removed.
		const keys = possibleKeysOf(backup.key, backup.manifest);
		if (keys.some((key) => this.target.damaged.has(key) || this.target.bare.has(key))) return false;
		return startedAt < (this.#newestThere.get(this.#seriesOf.get(backup)!) ?? '');
	}
}
