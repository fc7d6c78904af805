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
	/** Names the bytes of a file that has several names. */
	sharedAs: string | undefined;
}

/** Files looked at together: enough to keep the thread pool busy, few enough to hold in memory. */
const BATCH = 64;

/**
 * Walks the files below a folder, one folder handle a level open at a time, without following links. Files and folders
 * that vanish meanwhile are left out. Files come in batches, which are looked at together: a folder on a network disk takes
 * as long for one as for many.
 * @param folderKey the folder's key with its slash, or the empty string for the root
 * @param wanted decides by key; a folder's key ends in a slash
 */
export async function* walk(
	directory: string,
	folderKey: string,
	wanted: (key: string) => boolean,
): AsyncGenerator<FoundFile[], void, undefined> {
	let batch: Array<{ key: string; path: string }> = [];
	for await (const entry of entriesOf(directory)) {
		const file = path.join(directory, entry.name);
		const key = folderKey + entry.name;
		if (entry.isDirectory()) {
			if (!isFileSystemsOwn(key) && wanted(`${key}/`)) yield* walk(file, `${key}/`, wanted);
			continue;
		}
		if (!wanted(key) || !(entry.isFile() || entry.isSymbolicLink())) continue;
		batch.push({ key, path: file });
		if (batch.length < BATCH) continue;
		yield await lookAt(batch);
		batch = [];
	}
	yield await lookAt(batch);
}

async function lookAt(batch: Array<{ key: string; path: string }>): Promise<FoundFile[]> {
	const found = await Promise.all(
		batch.map(async ({ key, path: file }): Promise<FoundFile | undefined> => {
			const stats = await lstatOrNothing(file);
			if (!stats) return undefined;
			const sharedAs = stats.nlink > 1 ? `${stats.dev}:${stats.ino}` : undefined;
			return { key, path: file, isLink: stats.isSymbolicLink(), size: stats.size, modifiedAt: stats.mtime, sharedAs };
		}),
	);
	return found.filter((file) => file !== undefined);
}

/** ext4 keeps a folder at the top of every disk that only root may read; a mounted disk may well be the root. */
function isFileSystemsOwn(key: string): boolean {
	return key === 'lost+found';
}

async function* entriesOf(directory: string): AsyncGenerator<Dirent, void, undefined> {
	try {
		// Iterating to the end, breaking off and throwing all close the handle.
		for await (const entry of await fs.opendir(directory, { bufferSize: BATCH })) yield entry;
	} catch (error) {
		if (!isNothingThere(error)) throw error;
	}
}
