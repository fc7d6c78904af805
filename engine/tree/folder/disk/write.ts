/** What the thread writes: small files, and what belongs to directories besides their entries. */
import { hash } from 'node:crypto';
import {
	closeSync,
	constants,
	fchmodSync,
	fchownSync,
	fdatasync,
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

import { inParallel } from '../../../parallel';
import { HeldFolder } from '../held-folder';
import { attempt, type Failure, type FinishOrder, type NotNamed, type Outcome } from './messages';
import type { ThreadFolders } from './thread-folders';
import type { Attributes, WriteOrder } from './write-orders';

/** Files that are open at once. */
const OPEN_AT_ONCE = 64;
/** Node's threads that wait for the disk; of four, one is left to others. */
const SYNCED_AT_ONCE = 3;

/**
 * Writes files, each under a name of its own, with all that belongs to it, and then gives them their real names. What is to be on the
 * disk before waits for that together with others: a file system writes what it keeps of many files at once.
 * @param sync fdatasync(2)
 * @returns by the place of the file: what became of those that are not there under their names
 */
export async function writeFiles(
	folders: ThreadFolders,
	orders: readonly WriteOrder[],
	contents: Uint8Array,
	onTime: (index: number, modified: bigint) => void,
	sync: Sync = fdatasync,
): Promise<Map<number, NotNamed>> {
	const notNamed = new Map<number, NotNamed>();
	for (let first = 0; first < orders.length; first += OPEN_AT_ONCE) {
		const drafts: Draft[] = [];
		for (const [at, order] of orders.slice(first, first + OPEN_AT_ONCE).entries()) {
			const index = first + at;
			const file = writeDraft(folders, order, contents, (modified) => onTime(index, modified));
			if (typeof file === 'number') drafts.push({ index, order, file });
			else notNamed.set(index, file);
		}
		await inParallel(drafts, SYNCED_AT_ONCE, async (draft) => {
			if (draft.order.isDurable) draft.failure = await syncFile(draft.file, sync);
		});
		for (const { index, order, file, failure } of drafts) {
			const outcome = attempt(() => closeSync(file)) ?? failure ?? nameDraft(folders, order);
			if (outcome) notNamed.set(index, outcome);
		}
	}
	return notNamed;
}

/** A file that has its content, and not its name. */
interface Draft {
	index: number;
	order: WriteOrder;
	file: number;
	failure?: Failure | undefined;
}

/** Compares the content of a file with its hash and writes it. @returns the file, which is open */
function writeDraft(
	folders: ThreadFolders,
	{ name, partial, sha256, offset, length, attributes, isTimeWanted }: WriteOrder,
	contents: Uint8Array,
	onTime: (modified: bigint) => void,
): number | NotNamed {
	if (hash('sha256', contents.subarray(offset, offset + length), 'hex') !== sha256) return 'changed';
	return attempt(() => {
		const draft = folders.above(name).at(partial);
		const file = openSync(
			draft,
			constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
			0o600,
		);
		try {
			// A write may take less than it was given.
			for (let done = 0; done < length;) done += writeSync(file, contents, offset + done, length - done, done);
			setAttributes(file, attributes);
			if (isTimeWanted) onTime(fstatSync(file, { bigint: true }).mtimeNs);
			return file;
		} catch (error) {
			closeSync(file);
			throw error;
		}
	});
}

type Sync = (file: number, done: (error: NodeJS.ErrnoException | null) => void) => void;

function syncFile(file: number, sync: Sync): Promise<Failure | undefined> {
	return new Promise((resolve) => {
		sync(file, (error) => resolve(error ? { code: error.code ?? 'EIO', message: error.message } : undefined));
	});
}

/** Where only this fails, the file stays as it is: whoever asked for it finds out why. */
function nameDraft(folders: ThreadFolders, { name, partial, replaces }: WriteOrder): 'written' | undefined {
	const failure = attempt(() => {
		const folder = folders.above(name);
		const [draft, place] = [folder.at(partial), folder.at(name)];
		if (replaces) renameSync(draft, place);
		else {
			// A link never takes the place of what is there.
			linkSync(draft, place);
			unlinkSync(draft);
		}
	});
	return failure ? 'written' : undefined;
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
