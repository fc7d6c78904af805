/**
 * The folders that a restore writes into: which are there, and real ones, which it has made, and in which leftovers of earlier runs
 * were cleared away.
 */
import * as fs from 'node:fs/promises';

import type { Disk } from './disk/disk';
import type { HeldFolders } from './held';
import { folderOf, type HeldFolder } from './held-folder';
import { foldersAbove } from './names';
import { clearStalePartials } from './partial';
import { notADirectory } from './target-errors';
import { isErrno } from './walk';

const MOST_CHECKED = 10_000;

export class TargetFolders {
	readonly #held: HeldFolders;
	readonly #disk: Disk;
	/** Directories that were found to be real ones, or were made. */
	readonly #checked = new Set<string>();
	/** Those of them that were made, or are being made, by this restore: what is in them is of this restore, too. */
	readonly #made = new Set<string>();
	/** Those that are being made; nothing is written into them before. */
	readonly #making = new Map<string, Promise<void>>();
	/** Those that are looked at, or made because something is to be written into them, for all that waits for that. */
	readonly #readying = new Map<string, Promise<void>>();
	/** Whether earlier runs may have left something, and the folders in which that was looked for. */
	#wasUsed = false;
	readonly #cleared = new Set<string>();

	constructor(held: HeldFolders, disk: Disk) {
		this.#held = held;
		this.#disk = disk;
	}

	/** Tells whether something was in the root before anything was written. */
	begin({ wasUsed }: { wasUsed: boolean }): void {
		this.#wasUsed = wasUsed;
		if (!wasUsed) this.#made.add('');
	}

	/** Whether this restore has made a folder. */
	hasMade(folder: string): boolean {
		return this.#made.has(folder);
	}

	/**
	 * The first of the folders above an entry that is not there; undefined where all are, and are real ones.
	 * @throws BackupError TARGET_EXISTS for a link or a file
	 */
	async firstMissing(name: string): Promise<string | undefined> {
		if (this.#checked.has(folderOf(name))) return undefined;
		for (const folder of foldersAbove(name)) {
			if (this.#checked.has(folder)) continue;
			let stat;
			try {
				stat = await this.#held.hold(folderOf(folder), (above) => fs.lstat(above.at(folder)));
			} catch (error) {
				if (isErrno(error) && error.code === 'ENOENT') return folder;
				throw error;
			}
			if (!stat.isDirectory()) throw notADirectory(folder);
			this.remember(folder);
		}
		return undefined;
	}

	/** Whether nothing has to be done before something is written into a folder. */
	isReady(folder: string): boolean {
		if (!this.#checked.has(folder) || this.#making.has(folder)) return false;
		return !this.#wasUsed || this.#cleared.has(folder);
	}

	/** Makes the folders above an entry that are not there: a part of a backup may be restored without them. */
	async makeAbove(name: string): Promise<void> {
		const folder = folderOf(name);
		let readying = this.#readying.get(folder);
		if (!readying) {
			readying = this.#ready(name).finally(() => this.#readying.delete(folder));
			this.#readying.set(folder, readying);
		}
		await readying;
	}

	async #ready(name: string): Promise<void> {
		await this.#making.get(folderOf(name));
		if ((await this.firstMissing(name)) === undefined) return await this.#clearOnce(folderOf(name));
		for (const folder of foldersAbove(name)) {
			const make = (above: HeldFolder) => fs.mkdir(above.at(folder));
			await this.#held.hold(folderOf(folder), make).catch((error: unknown) => {
				if (!isErrno(error) || error.code !== 'EEXIST') throw error;
			});
		}
		if ((await this.firstMissing(name)) !== undefined) throw notADirectory(name);
	}

	/** Makes a folder. Many are made at once: one that is in another which is being made is asked for right behind it. */
	async make(name: string, signal: AbortSignal): Promise<void> {
		const folder = folderOf(name);
		const isReady = folder === '' || this.#making.has(folder) || this.#checked.has(folder);
		if (!isReady) await this.makeAbove(name);
		// One that was there when it was looked for may hold anything.
		if (!this.#checked.has(name)) this.#made.add(name);
		const making = this.#disk.make(name.slice(0, -1), signal).then(
			(outcome) => {
				this.#making.delete(name);
				this.remember(name);
				if (outcome === 'found') this.#made.delete(name);
			},
			(error: unknown) => {
				throw isErrno(error) && error.code === 'ENOTDIR' ? notADirectory(name) : error;
			},
		);
		this.#making.set(name, making);
		await making;
	}

	/** @param folder that was found to be a real one */
	remember(folder: string): void {
		// Names come in their order: those that are not above it are done, but for a few.
		if (this.#checked.size >= MOST_CHECKED) this.forget((other) => !folder.startsWith(other));
		this.#checked.add(folder);
	}

	/** To be called when folders may have gone. */
	forget(isOver: (folder: string) => boolean = () => true): void {
		for (const folder of this.#checked) {
			if (!isOver(folder)) continue;
			this.#checked.delete(folder);
			this.#made.delete(folder);
		}
	}

	/** Removes what runs that were killed have left in a folder. */
	async #clearOnce(folder: string): Promise<void> {
		if (!this.#wasUsed || this.#cleared.has(folder)) return;
		if (this.#cleared.size >= MOST_CHECKED) this.#cleared.clear();
		this.#cleared.add(folder);
		await this.#held.hold(folder, ({ path }) => clearStalePartials(path));
	}
}
