/** Folders that are held open while something in them is used; held-folder.ts tells why and how. */
import { lstat, open, type FileHandle } from 'node:fs/promises';

import { canHoldFolders, folderFlags, folderOf, FRESH_MS, HeldFolder, noFolder } from './held-folder';
import { foldersAbove } from './names';
import { pathOf } from './path';

const MOST_IDLE = 32;

interface Kept {
	handle: Promise<FileHandle>;
	since: number;
	users: number;
}

export class HeldFolders {
	readonly #root: Buffer;
	readonly #holds: boolean;
	readonly #kept = new Map<string, Kept>();
	#isClosed = false;

	/** @param root absolute */
	constructor(root: Uint8Array, holds = canHoldFolders()) {
		this.#root = Buffer.from(root);
		this.#holds = holds;
	}

	/**
	 * Lets `use` work in a folder.
	 * @param folder relative to the root, with a slash at its end; empty for the root
	 * @throws what the file system answers: ENOENT, ENOTDIR where a link or a file stands in the place of one of its folders
	 */
	async hold<T>(folder: string, use: (folder: HeldFolder) => Promise<T>): Promise<T> {
		if (!this.#holds) return await use(await this.#looked(folder));
		const kept = this.#take(folder);
		try {
			return await use(HeldFolder.of((await kept.handle).fd));
		} finally {
			kept.users--;
			if (this.#kept.get(folder) !== kept) closeIfIdle(kept);
			else if (this.#isClosed) this.forget();
			else if (this.#kept.size > MOST_IDLE) this.#leave();
		}
	}

	/** Looks for all folders anew, and leaves none open that is not in use. */
	forget(): void {
		const kept = [...this.#kept.values()];
		this.#kept.clear();
		for (const one of kept) closeIfIdle(one);
	}

	/** Leaves none open. What still goes on, such as a look that nobody waits for, opens what it needs, and leaves none open either. */
	close(): void {
		this.#isClosed = true;
		this.forget();
	}

	/**
	 * Closes those that were not used for longest. The one above the next folder stays: to open all above it anew for each folder of a
	 * deep path, which a forged name may be, would take minutes.
	 */
	#leave(): void {
		for (const [folder, kept] of this.#kept) {
			if (this.#kept.size <= MOST_IDLE) return;
			if (kept.users > 0) continue;
			this.#kept.delete(folder);
			closeIfIdle(kept);
		}
	}

	#take(folder: string): Kept {
		const now = performance.now();
		let kept = this.#kept.get(folder);
		if (kept) this.#kept.delete(folder);
		if (!kept || now - kept.since > FRESH_MS) {
			if (kept) closeIfIdle(kept);
			const opened: Kept = { handle: this.#open(folder), since: now, users: 0 };
			// Whoever waits for it meets its error; the next one tries again, or has done so already.
			opened.handle.catch(() => {
				if (this.#kept.get(folder) === opened) this.#kept.delete(folder);
			});
			kept = opened;
		}
		// The last of them is the one that was used last.
		this.#kept.set(folder, kept);
		kept.users++;
		return kept;
	}

	async #open(folder: string): Promise<FileHandle> {
		if (folder === '') return await open(this.#root, folderFlags(folder));
		return await this.hold(folderOf(folder), async (above) => await open(above.at(folder), folderFlags(folder)));
	}

	async #looked(folder: string): Promise<HeldFolder> {
		for (const above of foldersAbove(`${folder}.`)) {
			if (!(await lstat(pathOf(this.#root, above.slice(0, -1)))).isDirectory()) throw noFolder(above);
		}
		return new HeldFolder(pathOf(this.#root, folder.slice(0, -1)));
	}
}

/** Nothing was written through such a handle, so nothing can be lost when it is closed. */
function closeIfIdle({ users, handle }: Kept): void {
	if (users === 0) handle.then((opened) => opened.close()).catch(() => {});
}
