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
	/** Folders that are known to tell upper from lower case. */
	readonly #cased = new Set<string>();
	/** Folders that are being made, for all entries in them that wait for that. */
	readonly #making = new Map<string, Promise<'folder' | 'other name' | 'no folder'>>();
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
			let making = this.#making.get(folder);
			if (!making) {
				making = this.#makeFolder(folder).finally(() => this.#making.delete(folder));
				this.#making.set(folder, making);
			}
			const outcome = await making;
			// What is no folder is for whoever writes to refuse.
			if (outcome === 'no folder') return true;
			if (outcome === 'other name') return false;
		}
		return true;
	}

	async #makeFolder(folder: string): Promise<'folder' | 'other name' | 'no folder'> {
		const found = await this.folders.hold(folderOf(folder), async (above) => {
			try {
				await fs.mkdir(above.at(folder));
				return undefined;
			} catch (error) {
				if (!isErrno(error) || error.code !== 'EEXIST') throw error;
				return await fs.lstat(above.at(folder));
			}
		});
		if (found && !found.isDirectory()) return 'no folder';
		if (found && !(await this.#isListedAlone(folder.slice(0, -1)))) return 'other name';
		this.#remember(folder);
		return 'folder';
	}

	/** Whether the file system answers to another form of the name of an entry that is there, which hardly any does by chance. */
	async hasOtherForms(name: string): Promise<boolean> {
		const at = name.lastIndexOf('/') + 1;
		return await this.#mayBeOther(name.slice(0, at), name.slice(at));
	}

	/** To be called when folders may have gone. */
	forget(): void {
		this.#folders.clear();
		this.#cased.clear();
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
		const forms = new Set([own.toUpperCase(), own.toLowerCase(), own.normalize('NFC'), own.normalize('NFD')]);
		forms.delete(own);
		// One that tells these letters apart does so in all names.
		const letters = own.replace(/[a-z]/gi, otherCase);
		const isTold = letters !== own && (await this.#tellsApart(folder, letters));
		for (const form of forms) {
			if (isTold && form.toLowerCase() === own.toLowerCase()) continue;
			if ((await this.#answerTo(folder, form)) === 'found') return true;
		}
		return letters !== own && !isTold;
	}

	/** Whether a folder does not answer to a name in which upper and lower case were exchanged. */
	async #tellsApart(folder: string, letters: string): Promise<boolean> {
		if (this.#cased.has(folder)) return true;
		const answer = await this.#answerTo(folder, letters);
		if (answer === 'nothing') {
			if (this.#cased.size >= MOST_NAMES) this.#cased.clear();
			this.#cased.add(folder);
		}
		return answer !== 'found';
	}

	async #answerTo(folder: string, name: string): Promise<'found' | 'nothing' | 'refused'> {
		try {
			await this.folders.hold(folder, (above) => fs.lstat(above.at(name)));
			return 'found';
		} catch (error) {
			return isErrno(error) && error.code === 'ENOENT' ? 'nothing' : 'refused';
		}
	}
}

function otherCase(letter: string): string {
	return letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase();
}
