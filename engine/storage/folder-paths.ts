import { lstat, type Stats } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { BackupError } from '../errors';
import { systemCode } from './folder-errors';

/** Takes two thirds of the time of fs/promises, which counts where there are a hundred thousand files. */
const lookAt = promisify(lstat);

export const FOLDER_MODE = 0o700;
export const FILE_MODE = 0o600;

/** Where an object stands on the disk, symbolic links in its folders resolved. */
export interface Place {
	directory: string;
	name: string;
	path: string;
}

/**
 * Finds the folder that a key's object stands in, going down segment by segment, so that nothing outside the root is
 * ever touched, not even to create a folder.
 * @param create makes the folders that are missing (mode 0700); otherwise a missing one throws ENOENT
 * @throws BackupError STORAGE_DENIED where a symbolic link below the root leads outside it; system errors as they are
 */
export async function locate(root: string, key: string, create: boolean): Promise<Place> {
	const segments = key.split('/');
	const name = segments.pop() ?? '';
	if (create) await fs.mkdir(root, { recursive: true, mode: FOLDER_MODE });
	const realRoot = await fs.realpath(root);
	let directory = realRoot;
	for (const segment of segments) {
		const next = path.join(directory, segment);
		if (create) await makeFolder(directory, next);
		directory = await fs.realpath(next);
		if (!isInside(realRoot, directory)) throw leadsOutside(segment, key);
	}
	return { directory, name, path: path.join(directory, name) };
}

/** What stands at a path, links not followed; undefined where nothing does. */
export async function lstatOrNothing(file: string): Promise<Stats | undefined> {
	try {
		return await lookAt(file);
	} catch (error) {
		if (isNothingThere(error)) return undefined;
		throw error;
	}
}

/** A path without links, as far as it is there. */
export async function realPathOf(file: string): Promise<string> {
	try {
		return await fs.realpath(file);
	} catch {
		const above = path.dirname(file);
		return above === file ? file : path.join(await realPathOf(above), path.basename(file));
	}
}

/** True for the system errors that say that there is no such file. */
export function isNothingThere(error: unknown): boolean {
	const code = systemCode(error);
	return code === 'ENOENT' || code === 'ENOTDIR';
}

/** Makes the names in a folder durable. Some network file systems cannot and say so; they are durable by themselves. */
export async function syncFolder(directory: string): Promise<void> {
	const handle = await fs.open(directory, 'r');
	try {
		await handle.sync();
	} catch (error) {
		if (!['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(systemCode(error) ?? '')) throw error;
	} finally {
		await handle.close();
	}
}

/** Bytes that an unprivileged writer may still use on the disk of a folder, or of the nearest folder that exists. */
export async function freeBytesAt(directory: string): Promise<number> {
	return (await roomAt(directory)).freeBytes;
}

/** The same, and the bytes that the disk has for such a writer in all. */
export async function roomAt(directory: string): Promise<{ freeBytes: number; totalBytes: number }> {
	try {
		const { bavail, bfree, blocks, bsize } = await fs.statfs(directory);
		// What is reserved for root is no room.
		return { freeBytes: bavail * bsize, totalBytes: (blocks - bfree + bavail) * bsize };
	} catch (error) {
		const parent = path.dirname(directory);
		if (systemCode(error) !== 'ENOENT' || parent === directory) throw error;
		return await roomAt(parent);
	}
}

async function makeFolder(parent: string, directory: string): Promise<void> {
	try {
		await fs.mkdir(directory, { mode: FOLDER_MODE });
	} catch (error) {
		if (systemCode(error) === 'EEXIST') return;
		throw error;
	}
	await syncFolder(parent);
}

function isInside(root: string, directory: string): boolean {
	return directory === root || directory.startsWith(root.endsWith(path.sep) ? root : root + path.sep);
}

function leadsOutside(segment: string, key: string): BackupError {
	return new BackupError(
		'STORAGE_DENIED',
		`The folder ${segment} of ${key} is a symbolic link that leads out of the storage's folder.`,
		{ hint: 'Replace the link by a folder, or make the place it leads to the storage folder itself.' },
	);
}
