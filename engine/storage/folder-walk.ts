import type { Dirent } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';

import { isNothingThere, lstatOrNothing } from './folder-paths';

/** A plain file or symbolic link below the root. */
export interface FoundFile {
	key: string;
	path: string;
	isLink: boolean;
	size: number;
	modifiedAt: Date;
}

/**
 * Walks the files below a folder, one folder handle a level open at a time, without following links. Files and folders
 * that vanish meanwhile are left out.
 * @param folderKey the folder's key with its slash, or the empty string for the root
 * @param wanted decides by key; a folder's key ends in a slash
 */
export async function* walk(
	directory: string,
	folderKey: string,
	wanted: (key: string) => boolean,
): AsyncGenerator<FoundFile, void, undefined> {
	for await (const entry of entriesOf(directory)) {
		const file = path.join(directory, entry.name);
		const key = folderKey + entry.name;
		if (entry.isDirectory()) {
			if (!isFileSystemsOwn(key) && wanted(`${key}/`)) yield* walk(file, `${key}/`, wanted);
			continue;
		}
		if (!wanted(key) || !(entry.isFile() || entry.isSymbolicLink())) continue;
		const stats = await lstatOrNothing(file);
		if (!stats) continue;
		yield { key, path: file, isLink: stats.isSymbolicLink(), size: stats.size, modifiedAt: stats.mtime };
	}
}

/** ext4 keeps a folder at the top of every disk that only root may read; a mounted disk may well be the root. */
function isFileSystemsOwn(key: string): boolean {
	return key === 'lost+found';
}

async function* entriesOf(directory: string): AsyncGenerator<Dirent, void, undefined> {
	try {
		// Iterating to the end, breaking off and throwing all close the handle.
		for await (const entry of await fs.opendir(directory)) yield entry;
	} catch (error) {
		if (!isNothingThere(error)) throw error;
	}
}
