/**
 * The folder that becomes a data directory. All is put together in a folder of its own within it, so the same disk and the same rights are
 * asked for, wherever it lies, a mount point too. When everything was checked and is on the disk, it moves up, entry by entry, and
 * `PG_VERSION` last: without that file no server and no tool takes a folder for a data directory. So a recovery that is killed at any
 * moment leaves nothing that starts.
 */
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, open, opendir, readdir, realpath, rename, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';

import { timestamp } from '../../../archive';
import { BackupError, cancelled, messageOf, throwIfCancelled } from '../../../errors';
import { freeBytesAt, lstatOrNothing, syncFolder } from '../../../storage/folder-paths';
import { isErrno, noRoom, targetError } from '../../../tree/folder';
import { DIRECTORY_MODE, type DraftFolder } from './draftFolder';

/** What the folder is called in which all is put together. One that is there afterwards is of a recovery that was killed. */
const DRAFT = '.recovering_';
const VERSION_FILE = 'PG_VERSION';

/** Whom a data directory belongs to; PostgreSQL starts from none that is another user's. */
export interface Owner {
	uid: number;
	gid: number;
}

export interface TargetFolderOptions {
	/** Absolute; empty, or not there yet. */
	folder: string;
	/** By default who runs this; only root can give files away. */
	owner?: Owner | undefined;
	signal?: AbortSignal | undefined;
}

/**
 * Whether a data directory may come to be in the folder.
 * @param bytes that it takes, as far as is known
 * @returns whether the folder is there
 * @throws BackupError INVALID_INPUT, TARGET_EXISTS (something is in it), ACCESS_DENIED, TARGET_FAILED (no room)
 */
export async function assertFolderUsable({ folder, owner }: TargetFolderOptions, bytes: number): Promise<boolean> {
	if (!path.isAbsolute(folder)) {
		throw new BackupError('INVALID_INPUT', `${JSON.stringify(folder)} is not an absolute path.`, {
			hint: 'Give the whole path, from the root.',
		});
	}
	if (owner && process.getuid?.() !== 0 && (owner.uid !== process.getuid?.() || owner.gid !== process.getgid?.())) {
		throw new BackupError('ACCESS_DENIED', 'Only root can give files to another user, and n8n does not run as root.', {
			hint: 'Leave Owner empty, and change the owner of the folder afterwards: chown -R postgres:postgres.',
		});
	}
	try {
		await assertOutsideOfData(folder);
		const isThere = await assertEmpty(folder);
		const free = await freeBytesAt(folder);
		if (bytes > free) throw noRoom(folder, bytes, free);
		return isThere;
	} catch (error) {
		throw targetError(error, folder);
	}
}

async function assertEmpty(folder: string): Promise<boolean> {
	let names: string[];
	try {
		names = await readdir(folder);
	} catch (error) {
		if (isErrno(error) && error.code === 'ENOENT') return false;
		if (isErrno(error) && error.code === 'ENOTDIR') throw notEmpty(folder, 'it is no folder');
		throw error;
	}
	if (names.length > 0) {
		const isDraft = names.every((name) => name.startsWith(DRAFT));
		throw notEmpty(
			folder,
			`it holds ${names.slice(0, 3).join(', ')}`,
			isDraft
				? 'Another recovery fills it, or was killed on its way: remove what it has left, or choose another folder. Nothing was changed.'
				: undefined,
		);
	}
	const { uid } = await stat(folder);
	const own = process.getuid?.();
	if (own === undefined || own === 0 || own === uid) return true;
	throw new BackupError('ACCESS_DENIED', `${folder} belongs to another user, so it cannot become a data directory.`, {
		hint: 'PostgreSQL wants a folder that only its owner may enter. Name a folder in it that does not exist yet.',
	});
}

/** A server, or its next backup, would stumble over what is put into its data directory. */
async function assertOutsideOfData(folder: string): Promise<void> {
	for (let above = await real(path.dirname(folder)); ; above = path.dirname(above)) {
		if (await lstatOrNothing(path.join(above, VERSION_FILE))) {
			throw new BackupError('INVALID_INPUT', `${folder} lies in the data directory of a server, ${above}.`, {
				hint: 'Choose a folder outside of it. Nothing was changed.',
			});
		}
		if (above === path.dirname(above)) return;
	}
}

/** The path without links, as far as it is there. */
async function real(folder: string): Promise<string> {
	try {
		return await realpath(folder);
	} catch {
		const above = path.dirname(folder);
		return above === folder ? folder : path.join(await real(above), path.basename(folder));
	}
}

function notEmpty(folder: string, why: string, hint?: string): BackupError {
	return new BackupError('TARGET_EXISTS', `Nothing is recovered into ${folder}: ${why}.`, {
		hint: hint ?? 'Choose an empty folder, or one that does not exist yet. Nothing was changed.',
	});
}

/**
 * Makes a data directory of a folder.
 * @param fill puts it together in a folder that it is given, and proves it: all that may still fail
 * @throws BackupError as assertFolderUsable does, CANCELLED, what `fill` throws; nothing is left of it then
 */
export async function fillFolder(
	options: TargetFolderOptions,
	bytes: number,
	fill: (folder: string) => Promise<DraftFolder>,
): Promise<void> {
	const { folder, owner, signal } = options;
	throwIfCancelled(signal);
	const wasThere = await assertFolderUsable(options, bytes);
	const container = path.join(folder, `${DRAFT}${timestamp(new Date())}_${randomBytes(3).toString('hex')}`);
	const moved: string[] = [];
	try {
		if (!wasThere) await mkdir(folder, { recursive: true });
		await chmod(folder, DIRECTORY_MODE);
		await mkdir(container, { mode: DIRECTORY_MODE });
		const draft = await fill(container);
		await settle(draft.path, owner, signal);
		if (owner) await chown(folder, owner.uid, owner.gid);
		throwIfCancelled(signal);
		await moveUp(draft.path, folder, moved);
		await rm(container, { recursive: true, force: true });
	} catch (error) {
		for (const name of moved) await rm(path.join(folder, name), { recursive: true, force: true });
		await rm(container, { recursive: true, force: true });
		if (!wasThere) await rmdir(folder).catch(() => {});
		if (signal?.aborted) throw cancelled();
		throw failed(folder, error);
	}
}

/** Gives everything to its owner, and has it on the disk: a file after the other, for n8n has few threads for that. */
async function settle(folder: string, owner: Owner | undefined, signal: AbortSignal | undefined): Promise<void> {
	for await (const entry of await opendir(folder)) {
		throwIfCancelled(signal);
		const place = path.join(folder, entry.name);
		if (entry.isDirectory()) {
			await settle(place, owner, signal);
			continue;
		}
		const handle = await open(place, 'r+');
		try {
			if (owner) await handle.chown(owner.uid, owner.gid);
			await handle.sync();
		} finally {
			await handle.close();
		}
	}
	if (owner) await chown(folder, owner.uid, owner.gid);
	await syncFolder(folder);
}

async function moveUp(draft: string, folder: string, moved: string[]): Promise<void> {
	const names = (await readdir(draft)).filter((name) => name !== VERSION_FILE);
	for (const name of [...names, VERSION_FILE]) {
		// What is there before it is known to be ours reaches the disk before a server may start.
		if (name === VERSION_FILE) await syncFolder(folder);
		const place = path.join(folder, name);
		if (await lstatOrNothing(place)) throw notEmpty(folder, `somebody has put ${name} into it meanwhile`);
		await rename(path.join(draft, name), place);
		moved.push(name);
	}
	await syncFolder(folder);
}

function failed(folder: string, cause: unknown): unknown {
	const told = targetError(cause, folder);
	if (told instanceof BackupError) return told;
	return new BackupError('TARGET_FAILED', `The data directory ${folder} could not be made: ${messageOf(cause)}`, {
		cause,
		hint: 'Check the rights of n8n there, and the room. Nothing half-written was left.',
	});
}
