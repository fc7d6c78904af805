import type { Stats } from 'node:fs';
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
	/** Names the bytes of a file that has several names. */
	sharedAs: string | undefined;
}

/** Entries looked at together: enough to keep the thread pool busy, few enough to hold in memory. */
const BATCH = 32;

interface Entry {
	key: string;
	path: string;
	stats: Stats;
}

/**
 * Walks the files below a folder without following links. Files and folders that vanish meanwhile are left out. Files come in
 * batches, which are looked at together: a folder on a network disk takes as long for one as for many. In memory are the names
 * in the folders that it is in. Only names are listed: where a file system does not say what its entries are, Node would look at
 * each, and one that is gone by then would end the list of the whole folder.
 * @param folderKey the folder's key with its slash, or the empty string for the root
 * @param wanted decides by key; a folder's key ends in a slash
 */
export async function* walk(
	directory: string,
	folderKey: string,
	wanted: (key: string) => boolean,
): AsyncGenerator<FoundFile[], void, undefined> {
	const names = await namesIn(directory);
	for (let at = 0; at < names.length; at += BATCH) {
		const keys = names.slice(at, at + BATCH).map((name) => folderKey + name);
		const entries = await lookAt(
			directory,
			folderKey,
			keys.filter((key) => wanted(key) || wanted(`${key}/`)),
		);
		yield entries
			.filter(({ key, stats }) => (stats.isFile() || stats.isSymbolicLink()) && wanted(key))
			.map(({ key, path: file, stats }) => foundFile(key, file, stats));
		for (const { key, path: file, stats } of entries) {
			if (!stats.isDirectory() || isFileSystemsOwn(key) || !wanted(`${key}/`)) continue;
			yield* walk(file, `${key}/`, wanted);
		}
	}
}

async function lookAt(directory: string, folderKey: string, keys: readonly string[]): Promise<Entry[]> {
	const entries = await Promise.all(
		keys.map(async (key): Promise<Entry | undefined> => {
			const file = path.join(directory, key.slice(folderKey.length));
			const stats = await lstatOrNothing(file);
			return stats && { key, path: file, stats };
		}),
	);
	return entries.filter((entry) => entry !== undefined);
}

function foundFile(key: string, file: string, stats: Stats): FoundFile {
	const sharedAs = stats.nlink > 1 ? `${stats.dev}:${stats.ino}` : undefined;
	return { key, path: file, isLink: stats.isSymbolicLink(), size: stats.size, modifiedAt: stats.mtime, sharedAs };
}

/** ext4 keeps a folder at the top of every disk that only root may read; a mounted disk may well be the root. */
function isFileSystemsOwn(key: string): boolean {
	return key === 'lost+found';
}

async function namesIn(directory: string): Promise<string[]> {
	try {
		return await fs.readdir(directory);
	} catch (error) {
		if (!isNothingThere(error)) throw error;
		return [];
	}
}
