/**
 * In which order a restore of all versions reads the archives of a set. The versions of a key have to be written the oldest first, and
 * their contents may lie in several archives, each of which is in the order of keys and is read from front to back. So
 * archives are read in turns, the oldest first, and of each what was an older version before what was current, be it one now or
 * not. A version comes in the first
 * turn of its archive in which all versions before it are written; where an archive holds a newer one than an archive after it does,
 * there is a second round. Nothing has to be remembered of a key from one turn to the next.
 */
import type { ArchiveReader } from '../../archive';
import type { HistoryItem } from './histories';

export class Turns {
	readonly #archives: readonly ArchiveReader[];
	readonly #ranks: ReadonlyMap<string, number>;

	/** @param archives all that hold content of the backup, by id */
	constructor(archives: ReadonlyMap<string, ArchiveReader>) {
		const byTime = [...archives].sort(([, one], [, other]) => timeOf(one) - timeOf(other));
		this.#archives = byTime.map(([, reader]) => reader);
		this.#ranks = new Map(byTime.map(([id], index) => [id, index]));
	}

	/** The turn of each item of a history, which never goes back; that of a delete marker, which has no content, is that before it. */
	of(items: readonly HistoryItem[]): number[] {
		const round = 2 * this.#archives.length;
		let turn = 0;
		return items.map(({ entry, isDeleteMarker, isCurrent }) => {
			if (isDeleteMarker || !entry.content) return turn;
			const rank = this.#ranks.get(entry.content.archive);
			if (rank === undefined) throw new Error(`The archive ${entry.content.archive} was not opened.`);
			const first = 2 * rank + (isCurrent || entry.content.former ? 1 : 0);
			turn = first + round * Math.max(0, Math.ceil((turn - first) / round));
			return turn;
		});
	}

	archiveOf(turn: number): ArchiveReader {
		return this.#archives[Math.floor(turn / 2) % this.#archives.length]!;
	}
}

function timeOf({ manifest }: ArchiveReader): number {
	return Date.parse(manifest.finishedAt);
}
