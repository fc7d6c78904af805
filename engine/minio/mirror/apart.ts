/**
 * Source and target are two places, and neither lies in the other: a mirror of a place into itself copies copies, and what it removes as
 * extra is the source. Names do not tell: a server goes by several addresses, a folder by links and mounts.
 */
import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';

import { BackupError } from '../../errors';
import { isErrno } from '../../tree/folder';
import { BucketPlace } from './bucketPlace';
import { folderId, FolderPlace } from './folderPlace';
import type { Place } from './place';

/** What can be told before anything is written. @throws BackupError INVALID_INPUT where they overlap */
export async function assertApart(source: Place, target: Place): Promise<void> {
	if (isEitherInside(source.identity, target.identity)) throw overlapping(source, target);
	if (!(source instanceof FolderPlace && target instanceof FolderPlace)) return;
	const [from, to] = [await realFolder(source.root), await realFolder(target.root)];
	const [fromId, toId] = [from.ids[0], to.ids[0]];
	const isInside = isEitherInside(from.path, to.path);
	if (isInside || (fromId && to.ids.includes(fromId)) || (toId && from.ids.includes(toId))) {
		throw overlapping(source, target);
	}
	// One that is mounted in the other shows only where that is listed.
	if (toId) source.refuseBelow(toId, overlapping(source, target));
	if (fromId) target.refuseBelow(fromId, overlapping(source, target));
}

/**
 * That the bucket of the source does not show what was just written into the target. A server may go by two addresses, a bucket by
 * two names.
 * @param name of a file of the mirror's own that nobody else has
 * @throws BackupError INVALID_INPUT where it does, and what the servers answer
 */
export async function assertUnseen(source: Place, target: Place, name: string, signal: AbortSignal): Promise<void> {
	if (!(source instanceof BucketPlace && target instanceof BucketPlace)) return;
	// Prefixes beside each other do not overlap, whatever bucket they are in.
	if (!isEitherInside(source.prefix, target.prefix)) return;
	const written = await target.own.read(name, signal);
	if (!written) return;
	const seen = await source.readKey(target.prefix + name, signal).catch((error: unknown) => {
		// Keys that are good for the source's prefix alone cannot tell.
		if (error instanceof BackupError && error.code === 'ACCESS_DENIED') return undefined;
		throw error;
	});
	if (seen?.equals(written)) throw overlapping(source, target);
}

function isEitherInside(one: string, other: string): boolean {
	return one.startsWith(other) || other.startsWith(one);
}

interface RealFolder {
	/** Ends with a slash; links are followed, for a folder that is not there those above it. */
	path: string;
	/** Device and inode, of the folder and of those above it; the first one is missing where it is not there. */
	ids: (string | undefined)[];
}

async function realFolder(root: string): Promise<RealFolder> {
	const missing: string[] = [];
	let existing = path.resolve(root);
	for (;;) {
		try {
			existing = await realpath(existing);
			break;
		} catch (error) {
			if (!isErrno(error) || error.code !== 'ENOENT' || existing === path.dirname(existing)) throw error;
			missing.unshift(path.basename(existing));
			existing = path.dirname(existing);
		}
	}
	const ids: (string | undefined)[] = missing.length > 0 ? [undefined] : [];
	for (let folder = existing; ; folder = path.dirname(folder)) {
		ids.push(folderId(await stat(folder, { bigint: true })));
		if (folder === path.dirname(folder)) break;
	}
	return { path: `${path.join(existing, ...missing).replace(/\/+$/, '')}/`, ids };
}

function overlapping(source: Place, target: Place): BackupError {
	return new BackupError('INVALID_INPUT', `The ${source.description} and the ${target.description} overlap.`, {
		hint: 'Choose a target outside of the source.',
	});
}
