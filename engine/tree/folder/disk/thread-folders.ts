import { closeSync, lstatSync, openSync } from 'node:fs';

import { canHoldFolders, folderFlags, FRESH_MS, folderOf, HeldFolder, noFolder } from '../held-folder';

const MOST_HELD = 128;

/** As HeldFolders (../held.ts), for the thread that does not wait. */
export class ThreadFolders {
	readonly #held = new Map<string, { folder: HeldFolder; handle: number | undefined }>();
	/** When the first of them was opened, or looked at. */
	#since = 0;

	constructor(
		readonly root: Buffer,
		private readonly holds = canHoldFolders(),
	) {}

	/** To be called before some calls that follow one another at once. */
	refresh(): void {
		// What was only looked at can be exchanged at any time.
		if (!this.holds || performance.now() - this.#since > FRESH_MS) this.close();
	}

	/**
	 * The folder that an entry is in; of no use any more when the next one was asked for.
	 * @param name relative to the root
	 * @throws what the file system answers: ENOENT, ENOTDIR where a link or a file stands in the place of a folder
	 */
	above(name: string): HeldFolder {
		return this.at(folderOf(name));
	}

	/** A folder itself. @param folder with a slash at its end; empty for the root */
	at(folder: string): HeldFolder {
		const held = this.#held.get(folder);
		if (held) return held.folder;
		if (this.#held.size >= MOST_HELD) this.close();
		return this.#open(folder);
	}

	close(): void {
		for (const { handle } of this.#held.values()) if (handle !== undefined) closeSync(handle);
		this.#held.clear();
	}

	#open(name: string): HeldFolder {
		const path =
			name === '' ? this.root : (this.#held.get(folderOf(name))?.folder ?? this.#open(folderOf(name))).at(name);
		if (!this.holds) {
			if (name !== '' && !lstatSync(path).isDirectory()) throw noFolder(name);
			return this.#keep(name, new HeldFolder(path), undefined);
		}
		if (this.#held.size === 0) this.#since = performance.now();
		const handle = openSync(path, folderFlags(name));
		return this.#keep(name, HeldFolder.of(handle), handle);
	}

	#keep(name: string, folder: HeldFolder, handle: number | undefined): HeldFolder {
		this.#held.set(name, { folder, handle });
		return folder;
	}
}
