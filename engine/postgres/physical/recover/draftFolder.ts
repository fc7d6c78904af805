/**
 * A data directory as it is being put together. Nobody else may enter it (0700), and no link is ever made in it, so plain paths lead
 * nowhere else. An increment goes into a new one: what it has whole is written there, and what it has changes of is moved there from the
 * one before, and changed. What is left in the one before then is what the server had no more, so no list of names is held.
 */
import { constants } from 'node:fs';
import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises';
import path from 'node:path';

import { BackupError } from '../../../errors';
import { shownName } from '../../../tree';
import { isErrno, pathOf } from '../../../tree/folder';
import { writeAt } from './incrementalFile';

/** What PostgreSQL asks of its data directory: nobody but its owner may look into it. */
export const DIRECTORY_MODE = 0o700;
export const FILE_MODE = 0o600;

export class DraftFolder {
	readonly #root: Buffer;
	/** Folders that were made, the last ones: a folder's files come one after the other. */
	#folder = '';

	private constructor(readonly path: string) {
		this.#root = Buffer.from(path);
	}

	/** Makes a new one. @throws what the file system answers */
	static async make(folder: string): Promise<DraftFolder> {
		await mkdir(folder, { mode: DIRECTORY_MODE });
		return new DraftFolder(folder);
	}

	/** @param name relative, plain */
	at(name: string): Buffer {
		return pathOf(this.#root, name);
	}

	async makeFolder(name: string): Promise<void> {
		if (name === '' || this.#folder === name) return;
		await mkdir(this.at(name), { recursive: true, mode: DIRECTORY_MODE }).catch((error: unknown) => {
			throw this.#explained(error, name);
		});
		this.#folder = name;
	}

	/**
	 * Writes a new file.
	 * @param length that it is brought to with zeros where the content is shorter: a server takes no segment of another size
	 * @throws BackupError ARCHIVE_CORRUPT where one has the name; what the content and the file system throw
	 */
	async write(name: string, content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, length = 0): Promise<void> {
		const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
		await this.#use(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, async (handle) => {
			let position = 0;
			for await (const chunk of content) {
				await writeAt(handle, chunk, position);
				position += chunk.length;
			}
			if (position < length) await handle.truncate(length);
		});
	}

	/** Moves a file of the same name here, and changes it. @throws BackupError ARCHIVE_CORRUPT where there is none, or one is here already */
	async moveFrom(before: DraftFolder, name: string, change: (handle: FileHandle) => Promise<void>): Promise<void> {
		await this.makeFolder(parentOf(name));
		const { O_RDWR, O_NOFOLLOW } = constants;
		try {
			// It has its place here by a name that nothing has: a rename would replace what has it.
			const place = await open(this.at(name), constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, FILE_MODE);
			await place.close();
			await rename(before.at(name), this.at(name));
		} catch (error) {
			throw this.#explained(error, name);
		}
		await this.#use(name, O_RDWR | O_NOFOLLOW, change);
	}

	/** Writes a small file anew. */
	async replace(name: string, content: Uint8Array): Promise<void> {
		await this.removeFile(name);
		await this.write(name, [content]);
	}

	async removeFile(name: string): Promise<void> {
		await rm(this.at(name), { force: true });
	}

	async remove(): Promise<void> {
		await rm(this.path, { recursive: true, force: true });
	}

	async #use(name: string, flags: number, use: (handle: FileHandle) => Promise<void>): Promise<void> {
		await this.makeFolder(parentOf(name));
		let handle: FileHandle;
		try {
			handle = await open(this.at(name), flags, FILE_MODE);
		} catch (error) {
			throw this.#explained(error, name);
		}
		try {
			await use(handle);
		} finally {
			await handle.close();
		}
	}

	/** What only an archive that PostgreSQL did not make can lead to. */
	#explained(error: unknown, name: string): unknown {
		const code = isErrno(error) ? error.code : undefined;
		const what =
			code === 'EEXIST' || code === 'EISDIR'
				? 'is in it twice'
				: code === 'ENOENT'
					? 'is changed by it, and is not in the backup before'
					: code === 'ENOTDIR'
						? 'lies in what is no folder'
						: undefined;
		if (what === undefined) return error;
		return new BackupError('ARCHIVE_CORRUPT', `The base backup is damaged: ${shownName(name)} ${what}.`, {
			cause: error,
			hint: 'Choose a base backup that was made before.',
		});
	}
}

/** The folder of a file or folder; empty for one in the data directory itself. */
export function parentOf(name: string): string {
	const parent = path.posix.dirname(name);
	return parent === '.' ? '' : parent;
}
