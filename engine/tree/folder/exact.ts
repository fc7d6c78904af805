/**
 * File systems that take two names for one: `a` and `A`, or two forms of an accent (those of Windows and macOS, also where a container sees
 * them; FAT, NTFS, some network shares). There, what is found under a name may be listed under another one: it is another entry.
 */
import * as fs from 'node:fs/promises';

import { bytesOf } from '../name';
import type { HeldFolders } from './held';
import { folderOf } from './held-folder';
import { foldersAbove } from './names';
import { isErrno } from './walk';

/** Names that are remembered; of a larger folder, all are read at each question. */
const MOST_NAMES = 10_000;

export class ExactNames {
	/** Folders that are called so. */
	readonly #folders = new Set<string>();
	#listed: { folder: string; names: ReadonlySet<string> } | undefined;

	constructor(private readonly folders: HeldFolders) {}

	/** Whether an entry that was found under a name is listed under it, too, and so are the folders above it. */
	async isListed(name: string): Promise<boolean> {
		for (const folder of foldersAbove(name)) {
			if (this.#folders.has(folder)) continue;
			if (!(await this.#isListedAlone(folder.slice(0, -1)))) return false;
			this.#remember(folder);
		}
		return await this.#isListedAlone(name);
	}

	/** Makes the folders above an entry where they are not there. @returns false where one is there under another name */
	async makeFolders(name: string): Promise<boolean> {
		for (const folder of foldersAbove(name)) {
			if (this.#folders.has(folder)) continue;
			const found = await this.folders.hold(folderOf(folder), async (above) => {
				try {
					await fs.mkdir(above.at(folder));
					return undefined;
				} catch (error) {
					if (!isErrno(error) || error.code !== 'EEXIST') throw error;
					return await fs.lstat(above.at(folder));
				}
			});
			// What is no folder is for whoever writes to refuse.
			if (found && !found.isDirectory()) return true;
			if (found && !(await this.#isListedAlone(folder.slice(0, -1)))) return false;
			this.#remember(folder);
		}
		return true;
	}

	/** To be called when folders may have gone. */
	forget(): void {
		this.#folders.clear();
		this.#listed = undefined;
	}

	#remember(folder: string): void {
		if (this.#folders.size >= MOST_NAMES) this.#folders.clear();
		this.#folders.add(folder);
	}

	/** Whether the folder of an entry lists it under just this name. */
	async #isListedAlone(name: string): Promise<boolean> {
		const at = name.lastIndexOf('/') + 1;
		const [folder, own] = [name.slice(0, at), name.slice(at)];
		if (!(await this.#mayBeOther(folder, own))) return true;
		const bytes = bytesOf(own).toString('latin1');
		if (this.#listed?.folder === folder && this.#listed.names.has(bytes)) return true;
		const names = new Set<string>();
		let isThere = false;
		await this.folders.hold(folder, async ({ path }) => {
			for await (const entry of await fs.opendir(path, { encoding: 'latin1' as BufferEncoding })) {
				if (names.size < MOST_NAMES) names.add(entry.name);
				if (entry.name === bytes) isThere = true;
			}
		});
		this.#listed = { folder, names };
		return isThere;
	}

	/** Whether the file system answers to another form of the name as well, which hardly any does by chance. */
	async #mayBeOther(folder: string, own: string): Promise<boolean> {
		const forms = [own.toUpperCase(), own.toLowerCase(), own.normalize('NFC'), own.normalize('NFD')];
		for (const form of new Set(forms)) {
			if (form === own) continue;
			try {
				await this.folders.hold(folder, (above) => fs.lstat(above.at(form)));
				return true;
			} catch {
				// There is none, or none that can be.
			}
		}
		return false;
	}
}
