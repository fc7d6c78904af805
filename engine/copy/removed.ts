import { seriesIn, type ListedBackup } from '../archive';
import { possibleKeysOf } from './form';
import { isComplete, type Side } from './side';

/**
 * Tells what was removed from the target, by retention or by people, from what is missing there. What was copied before and is
 * not there any more was removed. But no retention removes the last backup of a series: so of what has no newer one there
 * it is missing, whatever was copied before.
 */
export class RemovedAtTarget {
	/** Made when it is first asked for: as a rule everything is there. */
	#known: { newestThere: Map<string, string>; seriesOf: ReadonlyMap<ListedBackup, string> } | undefined;

	/** @param copiedBefore ids of what was copied there before */
	constructor(
		private readonly source: Side,
		private readonly target: Side,
		private readonly copiedBefore: ReadonlySet<string>,
	) {}

	/** @param backup one of the source */
	has(backup: ListedBackup): boolean {
		const { id, startedAt } = backup.manifest;
		if (!this.copiedBefore.has(id) || this.target.byId.has(id)) return false;
		// What stands there, and is damaged or has lost its manifest, nobody has removed.
		const keys = possibleKeysOf(backup.key, backup.manifest);
		if (keys.some((key) => this.target.damaged.has(key) || this.target.bare.has(key))) return false;
		this.#known ??= this.#look();
		const { newestThere, seriesOf } = this.#known;
		return startedAt < (newestThere.get(seriesOf.get(backup)!) ?? '');
	}

	#look(): { newestThere: Map<string, string>; seriesOf: ReadonlyMap<ListedBackup, string> } {
		const there = [...this.target.byId.values()].flat();
		const seriesOf = seriesIn([...[...this.source.byId.values()].flat(), ...there]);
		const newestThere = new Map<string, string>();
		for (const backup of there) {
			const { startedAt, partial, checkpoint } = backup.manifest;
			if (partial || checkpoint || !isComplete(backup)) continue;
			const series = seriesOf.get(backup)!;
			if (startedAt > (newestThere.get(series) ?? '')) newestThere.set(series, startedAt);
		}
		return { newestThere, seriesOf };
	}
}
