/**
 * Folders below a root that are held open while something in them is used, so that nobody can lead a call out of the root by putting
 * a link in the place of a folder. Node has no calls that begin at an open folder (openat(2)); on Linux the paths
 * /proc/self/fd/<handle>/<name> do the same, see proc(5). Each folder is opened from the handle of the one above it, and never through a
 * link. Where there is no /proc, each folder above is looked at right before instead: between look and use it can be exchanged.
 */
import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs';

import { bytesOf } from '../name';

/** The same in every Linux that Node runs on (fcntl.h). Such a handle stands for a place, and asks for no right to read it. */
const O_PATH = 0o10000000;
const SLASH = Buffer.from('/');
/** Milliseconds after which a folder is looked for anew: somebody may have moved it and made another one. */
export const FRESH_MS = 1000;

let isSupported: boolean | undefined;

/** Whether this system has paths that begin at open folders. @throws what it answers where no more files can be opened */
export function canHoldFolders(): boolean {
	return (isSupported ??= process.platform === 'linux' && hasHandlePaths());
}

function hasHandlePaths(): boolean {
	let root: number | undefined;
	try {
		root = openSync('/', folderFlags(''));
		const [held, reached] = [fstatSync(root), statSync(`/proc/self/fd/${root}/.`)];
		return held.dev === reached.dev && held.ino === reached.ino;
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code === 'EMFILE' || code === 'ENFILE') throw error;
		return false;
	} finally {
		if (root !== undefined) closeSync(root);
	}
}

/** How a folder is opened to be held. The root may be a link: it is what the user named. */
export function folderFlags(folder: string): number {
	return O_PATH | constants.O_DIRECTORY | (folder === '' ? 0 : constants.O_NOFOLLOW);
}

/** `a/` of `a/b` and of `a/b/`; empty for what lies in the root. */
export function folderOf(name: string): string {
	return name.slice(0, name.lastIndexOf('/', name.length - 2) + 1);
}

/** What a call answers that meets something else where a folder has to be. */
export function noFolder(folder: string): NodeJS.ErrnoException {
	return Object.assign(new Error(`ENOTDIR: not a directory, ${folder}`), { code: 'ENOTDIR' });
}

/** A folder whose entries can be used. */
export class HeldFolder {
	/** @param path of the folder itself; what it leads to is the folder */
	constructor(readonly path: Buffer) {}

	static of(handle: number): HeldFolder {
		return new HeldFolder(Buffer.from(`/proc/self/fd/${handle}`));
	}

	/** The path of an entry in it. @param name relative to the root; with or without a slash at its end */
	at(name: string): Buffer {
		const last = name.endsWith('/') ? name.slice(0, -1) : name;
		return Buffer.concat([this.path, SLASH, bytesOf(last.slice(last.lastIndexOf('/') + 1))]);
	}
}
