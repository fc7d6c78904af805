import { closeSync, fstatSync, open, read } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { locate } from './folder-paths';
import { becameShorter, nothingThere, orNothingThere, READ_FLAGS } from './folder-read';
import { folderOf, nameOf } from './keys';

/** What is larger is read as a stream. */
const MAX_BYTES = 1024 * 1024;

// With a hundred thousand small files, the way to the thread pool takes most of the time. So it is only used for what may have to
// wait for a disk; to look at an open file and to close it does not.
const openFile = promisify(open);
const readFile = promisify(read);

/**
 * Reads the small files of a storage's folder whole, for one run: a folder is looked up, and found to lie inside the
 * root, when the first of its files is asked for, and that is remembered.
 */
export class SmallFiles {
	readonly #root: string;
	readonly #directories = new Map<string, Promise<string>>();

	constructor(root: string) {
		this.#root = root;
	}

	/**
	 * The content of a file; undefined where it is larger than 1 MiB.
	 * @param what names the file in errors
	 * @throws system errors as they are (ENOENT also for what is not a plain file), BackupError STORAGE_DENIED (a link that
	 * leads out of the root), STORAGE_FAILED (it became shorter)
	 */
	async read(key: string, what: string): Promise<Buffer | undefined> {
		const directory = await this.#directoryOf(key);
		const file = await openUnlessLink(path.join(directory, nameOf(key)));
		try {
			const stats = fstatSync(file);
			if (!stats.isFile()) throw nothingThere();
			return stats.size > MAX_BYTES ? undefined : await readAll(file, stats.size, what);
		} finally {
			closeSync(file);
		}
	}

	async #directoryOf(key: string): Promise<string> {
		const folder = folderOf(key);
		const known = this.#directories.get(folder);
		if (known) return await known;
		const found = locate(this.#root, key, false).then(({ directory }) => directory);
		this.#directories.set(folder, found);
		try {
			return await found;
		} catch (error) {
			this.#directories.delete(folder);
			throw error;
		}
	}
}

async function openUnlessLink(file: string): Promise<number> {
	try {
		return await openFile(file, READ_FLAGS);
	} catch (error) {
		throw orNothingThere(error);
	}
}

async function readAll(file: number, size: number, what: string): Promise<Buffer> {
	const content = Buffer.allocUnsafe(size);
	for (let position = 0; position < size;) {
		const { bytesRead } = await readFile(file, content, position, size - position, position);
		if (bytesRead === 0) throw becameShorter(what);
		position += bytesRead;
	}
	return content;
}
