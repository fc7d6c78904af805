/**
 * The folder that becomes a data directory. All is put together in a folder of its own within it, so the same disk and the same rights are
 * asked for, wherever it lies, a mount point too. When everything was checked and is on the disk, it moves up, entry by entry, and
 * `PG_VERSION` last: without that file no server and no tool takes a folder for a data directory. So a recovery that is killed at any
 * moment leaves nothing that starts, and what it has left the next one removes.
 */
import { chmod, chown, mkdir, open, opendir, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';

import { BackupError, cancelled, messageOf, throwIfCancelled } from '../../../errors';
import { lstatOrNothing, syncFolder } from '../../../storage/folder-paths';
import { isErrno, targetError } from '../../../tree/folder';
import { DIRECTORY_MODE, type DraftFolder } from './draftFolder';
import { assertAbsolute, assertOutsideOfData, assertRoom } from './placeChecks';
import { isWorkFolder, leftoversIn, removeLeftovers, VERSION_FILE, WorkFolder, type Leftover } from './workFolder';

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
 * @returns whether the folder is there, and what killed recoveries have left in it
 * @throws BackupError INVALID_INPUT, TARGET_EXISTS (something is in it), ACCESS_DENIED, TARGET_FAILED (no room)
 */
export async function assertFolderUsable(
	{ folder, owner }: TargetFolderOptions,
	bytes: number,
): Promise<{ isThere: boolean; leftovers: Leftover[] }> {
	assertAbsolute(folder);
	if (owner && process.getuid?.() !== 0 && (owner.uid !== process.getuid?.() || owner.gid !== process.getgid?.())) {
		throw new BackupError('ACCESS_DENIED', 'Only root can give files to another user, and n8n does not run as root.', {
			hint: 'Leave Owner empty, and change the owner of the folder afterwards: chown -R postgres:postgres. Or recover into a tar, which can name any owner.',
		});
	}
	try {
		await assertOutsideOfData(folder);
		const found = await assertEmpty(folder);
		await assertRoom(folder, bytes);
		return found;
	} catch (error) {
		throw targetError(error, folder);
	}
}

async function assertEmpty(folder: string): Promise<{ isThere: boolean; leftovers: Leftover[] }> {
	let names: string[];
	try {
		names = await readdir(folder);
	} catch (error) {
		if (isErrno(error) && error.code === 'ENOENT') return { isThere: false, leftovers: [] };
		if (isErrno(error) && error.code === 'ENOTDIR') throw notEmpty(folder, 'it is no folder');
		throw error;
	}
	const leftovers = await leftoversIn(folder);
	const left = new Set(leftovers.flatMap((one) => [path.basename(one.folder), ...one.moved]));
	const others = names.filter((name) => !left.has(name));
	if (others.length > 0) {
		throw notEmpty(
			folder,
			`it holds ${others.slice(0, 3).join(', ')}`,
			others.every(isWorkFolder)
				? 'Another recovery fills it, or was killed on another machine or in another container: remove what it has left, or choose another folder. Nothing was changed.'
				: undefined,
		);
	}
	const { uid } = await stat(folder);
	const own = process.getuid?.();
	if (own === undefined || own === 0 || own === uid) return { isThere: true, leftovers };
	throw new BackupError('ACCESS_DENIED', `${folder} belongs to another user, so it cannot become a data directory.`, {
		hint: 'PostgreSQL wants a folder that only its owner may enter. Name a folder in it that does not exist yet.',
	});
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
	const { isThere, leftovers } = await assertFolderUsable(options, bytes);
	const moved: string[] = [];
	let work: WorkFolder | undefined;
	try {
		await removeLeftovers(leftovers);
		if (!isThere) await mkdir(folder, { recursive: true });
		await chmod(folder, DIRECTORY_MODE);
		work = await WorkFolder.make(folder);
		const draft = await fill(work.path);
		await settle(draft.path, owner, signal);
		if (owner) await chown(folder, owner.uid, owner.gid);
		throwIfCancelled(signal);
		await moveUp(work, draft.path, folder, moved);
		await work.remove();
	} catch (error) {
		for (const name of moved) await rm(path.join(folder, name), { recursive: true, force: true });
		await work?.remove();
		if (!isThere) await rmdir(folder).catch(() => {});
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

async function moveUp(work: WorkFolder, draft: string, folder: string, moved: string[]): Promise<void> {
	const names = (await readdir(draft)).filter((name) => name !== VERSION_FILE);
	await work.noteMoving(path.basename(draft), names);
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

/** Why a data directory could not be made, as an error that says what to do. */
export function failed(place: string, cause: unknown): unknown {
	if (isErrno(cause) && ['ENOSPC', 'EDQUOT'].includes(cause.code ?? '')) {
		return new BackupError('TARGET_FAILED', `The disk is full: ${place} could not be written.`, {
			cause,
			hint: 'Free some space, or choose a place on a larger disk, and run the recovery again. Nothing half-written was left.',
		});
	}
	const told = targetError(cause, place);
	if (told instanceof BackupError) return told;
	return new BackupError('TARGET_FAILED', `The data directory ${place} could not be made: ${messageOf(cause)}`, {
		cause,
		hint: 'Check the rights of n8n there, and the room. Nothing half-written was left.',
	});
}
