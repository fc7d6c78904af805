/**
 * Names of files that hard links lead to, or that links stand for. They come from an index that may be hostile: there may be many, and long
 * ones, and all are held in memory.
 */
import { BackupError } from '../errors';
import { MOST_LINKED } from './entry';

/** As many characters as the names may have together; 100,000 of real paths have some millions. */
const MOST_CHARACTERS = 64 * 1024 * 1024;

export class LinkedNames {
	readonly #names = new Map<string, string>();
	#characters = 0;

	has(name: string): boolean {
		return this.#names.has(name);
	}

	get(name: string): string | undefined {
		return this.#names.get(name);
	}

	/** Those that came, up to MOST_LINKED. */
	keys(): Iterable<string> {
		return this.#names.keys();
	}

	/**
	 * Notes a name where it is new and there are not too many.
	 * @param other what is to be found by it
	 * @throws BackupError ARCHIVE_CORRUPT where names are longer than those of any files
	 */
	add(name: string, other = ''): void {
		if (this.#names.size >= MOST_LINKED || this.#names.has(name)) return;
		this.#characters += name.length + other.length;
		if (this.#characters > MOST_CHARACTERS) {
			throw new BackupError(
				'ARCHIVE_CORRUPT',
				'The names of hard links in the backup are longer than memory has room for.',
				{
					hint: 'No backup of a folder has such names. Do not trust this backup.',
				},
			);
		}
		this.#names.set(name, other);
	}
}
