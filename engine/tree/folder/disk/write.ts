/** What the thread writes: small files, and what belongs to directories besides their entries. */
import { hash } from 'node:crypto';
import {
	closeSync,
	constants,
	fchmodSync,
	fchownSync,
	fstatSync,
	futimesSync,
	linkSync,
	lstatSync,
	mkdirSync,
	openSync,
	renameSync,
	unlinkSync,
	writeSync,
} from 'node:fs';

import { HeldFolder } from '../held-folder';
import { attempt, type Failure, type FinishOrder, type NotNamed, type Outcome } from './messages';
import type { ThreadFolders } from './thread-folders';
import type { Attributes, WriteOrder } from './write-orders';

/**
 * Compares the content of a file with its hash, writes it under a name of its own, with all that belongs to it, and then gives it its
 * real name. Where only that fails, the file stays as it is: whoever asked for it finds out why.
 */
export function writeFile(
	folders: ThreadFolders,
	order: WriteOrder,
	contents: Uint8Array,
	onTime: (modified: bigint) => void,
): NotNamed | undefined {
	const { name, partial, sha256, offset, length, attributes, replaces } = order;
	if (hash('sha256', contents.subarray(offset, offset + length), 'hex') !== sha256) return 'changed';
	const folder = attempt(() => folders.above(name));
	if (!(folder instanceof HeldFolder)) return folder;
	const [draft, place] = [folder.at(partial), folder.at(name)];
	const notWritten = attempt(() => {
		const file = openSync(
			draft,
			constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
			0o600,
		);
		try {
			// A write may take less than it was given.
			for (let done = 0; done < length;) done += writeSync(file, contents, offset + done, length - done, done);
			setAttributes(file, attributes);
			if (order.isTimeWanted) onTime(fstatSync(file, { bigint: true }).mtimeNs);
		} finally {
			closeSync(file);
		}
	});
	if (notWritten) return notWritten;
	const notNamed = attempt(() => {
		if (replaces) renameSync(draft, place);
		else {
			// A link never takes the place of what is there.
			linkSync(draft, place);
			unlinkSync(draft);
		}
	});
	return notNamed ? 'written' : undefined;
}

/**
 * Makes directories, for their owner alone. Where a real one is there already, it is taken; where something else is, what follows
 * may be below it, and is not made.
 */
export function makeDirectories(folders: ThreadFolders, names: readonly string[]): Outcome['makes'] {
	const notMade: Outcome['makes'] = new Map();
	let failure: Failure | undefined;
	for (const [index, name] of names.entries()) {
		const outcome: 'found' | Failure | undefined = failure ?? makeDirectory(folders, name);
		if (outcome) notMade.set(index, outcome);
		if (outcome !== 'found') failure = outcome;
	}
	return notMade;
}

function makeDirectory(folders: ThreadFolders, name: string): 'found' | Failure | undefined {
	const folder = attempt(() => folders.above(name));
	if (!(folder instanceof HeldFolder)) return folder;
	const path = folder.at(name);
	const failure = attempt(() => mkdirSync(path, 0o700));
	if (!failure) return undefined;
	if (failure.code !== 'EEXIST') return failure;
	const found = attempt(() => lstatSync(path));
	if ('code' in found) return found;
	return found.isDirectory() ? 'found' : { code: 'ENOTDIR', message: 'ENOTDIR: something else is there' };
}

/** Does not follow a link that took the place of the directory. */
export function finishDirectory(folders: ThreadFolders, { name, attributes }: FinishOrder): Failure | undefined {
	const failure = attempt(() => {
		const directory = openSync(
			folders.above(name).at(name),
			constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_DIRECTORY,
		);
		try {
			setAttributes(directory, attributes);
		} finally {
			closeSync(directory);
		}
	});
	return failure ?? undefined;
}

function setAttributes(file: number, { owner, mode, seconds }: Attributes): void {
	if (owner) fchownSync(file, owner.uid, owner.gid);
	// After the owner, for a change of that takes the special bits away.
	if (mode !== undefined) fchmodSync(file, mode);
	futimesSync(file, seconds, seconds);
}
