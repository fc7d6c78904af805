/**
 * Which entries of a backup a restore brings back, and as what. A hard link has no content of its own: where the file that it leads
 * to is not among what was selected, the link is restored as that file, and further links to it lead to this one. So every
 * reading of the index in one restore gives the same entries, in the order of the archives.
 */
import type { ArchiveReader } from '../archive';
import { BackupError } from '../errors';
import type { TreeEntry } from './entry';
import { LinkedNames } from './linked-names';
import { shownName } from './name';
import { readChunks, readIndex } from './read-index';
import type { EntrySelection } from './selection';

export class SelectedEntries {
	readonly #reader: ArchiveReader;
	readonly #selection: EntrySelection;
	readonly #signal: AbortSignal;
	/** Under which name a file is restored that was not selected itself, by its own. */
	readonly #standIns = new LinkedNames();

	private constructor(reader: ArchiveReader, selection: EntrySelection, signal: AbortSignal) {
		this.#reader = reader;
		this.#selection = selection;
		this.#signal = signal;
	}

	/** Reads the index once where a part of a backup that has hard links is selected. @throws BackupError as readIndex does */
	static async of(reader: ArchiveReader, selection: EntrySelection, signal: AbortSignal): Promise<SelectedEntries> {
		const selected = new SelectedEntries(reader, selection, signal);
		if (!selection.isWhole && (reader.manifest.counts['links'] ?? 0) > 0) await selected.#findStandIns();
		return selected;
	}

	/**
	 * The selected entries, in the order of names, except for a link that stands in for its file, which comes in the place of that. They
	 * come by chunks, each to be read to its end before the next.
	 * @throws BackupError ARCHIVE_CORRUPT also for a link that leads to no file of the backup
	 */
	async *chunks(): AsyncGenerator<Generator<TreeEntry, void>> {
		const linked = new LinkedNames();
		for await (const entries of readChunks(this.#reader, this.#signal)) yield this.#selectedOf(entries, linked);
	}

	*#selectedOf(entries: Iterable<TreeEntry>, linked: LinkedNames): Generator<TreeEntry, void> {
		for (const entry of entries) {
			if (entry.linked) linked.add(entry.name);
			const isSelected = this.#selection.takes(entry.name);
			if (entry.type === 'link') {
				if (isSelected) yield* this.#link(entry, linked);
			} else if (isSelected) yield entry;
			else {
				const name = this.#standIns.get(entry.name);
				if (name !== undefined) yield { ...entry, name };
			}
		}
	}

	*#link(entry: TreeEntry, linked: LinkedNames): Generator<TreeEntry> {
		const { name, target = '' } = entry;
		if (!linked.has(target)) throw this.#leadsNowhere(entry);
		if (this.#selection.takes(target)) yield entry;
		else {
			const standIn = this.#standIns.get(target);
			if (standIn === undefined) throw this.#leadsNowhere(entry);
			if (standIn !== name) yield { ...entry, target: standIn };
		}
	}

	async #findStandIns(): Promise<void> {
		for await (const { type, name, target = '' } of readIndex(this.#reader, this.#signal)) {
			if (type !== 'link' || !this.#selection.takes(name) || this.#selection.takes(target)) continue;
			this.#standIns.add(target, name);
		}
	}

	#leadsNowhere({ name, target = '' }: TreeEntry): BackupError {
		const message = `The index of ${this.#reader.key} has the hard link ${shownName(name)}, which leads to ${shownName(target)}, and that is no file of the backup.`;
		return new BackupError('ARCHIVE_CORRUPT', message, { hint: 'Choose another backup, or a copy of this one.' });
	}
}
