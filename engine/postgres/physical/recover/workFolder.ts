/**
 * The folder in which a data directory is put together, beside where it is to be, so on the same disk and with the same rights. It says
 * which process fills it: one that was killed leaves it behind, and the next recovery into the same place removes it, with all that had moved up from it already.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';

import { z } from 'zod';

import { timestamp } from '../../../archive';
import { holderSchema, isGone, thisHolder } from '../../../archive/lock/holder';
import { lstatOrNothing, syncFolder } from '../../../storage/folder-paths';
import { DIRECTORY_MODE, FILE_MODE } from './draftFolder';

/** Without this file no server and no tool takes a folder for a data directory: it comes last. */
export const VERSION_FILE = 'PG_VERSION';
const PREFIX = '.recovering_';
const STATE = 'state.json';
/** Far more than is ever written. */
const MOST_BYTES = 1024 * 1024;
const plainName = z.string().refine((name) => name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name));
const stateSchema = z.object({
	holder: holderSchema,
	/** What is about to move up out of the data directory that was put together here, and that one's name. */
	moving: z.object({ from: plainName, names: z.array(plainName) }).optional(),
});
type State = z.infer<typeof stateSchema>;

/** Those of this thread, for a process knows nothing else of itself. */
const going = new Set<string>();

/** What a recovery that is over has left in a folder. */
export interface Leftover {
	/** Absolute. */
	folder: string;
	/** Names in the folder above that have moved up from it. */
	moved: string[];
}

/** Whether something is called as such folders are. */
export function isWorkFolder(name: string): boolean {
	return name.startsWith(PREFIX);
}

export class WorkFolder {
	private constructor(readonly path: string) {}

	/** Makes a new one in a folder. @throws what the file system answers */
	static async make(parent: string): Promise<WorkFolder> {
		const place = path.join(parent, `${PREFIX}${timestamp(new Date())}_${randomBytes(3).toString('hex')}`);
		going.add(place);
		try {
			await mkdir(place, { mode: DIRECTORY_MODE });
			const made = new WorkFolder(place);
			await made.#write({ holder: thisHolder() });
			return made;
		} catch (error) {
			going.delete(place);
			throw error;
		}
	}

	/** Notes, on the disk, what moves up next. */
	async noteMoving(from: string, names: readonly string[]): Promise<void> {
		await this.#write({ holder: thisHolder(), moving: { from, names: [...names] } });
	}

	async remove(): Promise<void> {
		try {
			await rm(this.path, { recursive: true, force: true });
		} finally {
			going.delete(this.path);
		}
	}

	async #write(state: State): Promise<void> {
		const draft = path.join(this.path, `${STATE}.new`);
		const handle = await open(draft, 'w', FILE_MODE);
		try {
			await handle.writeFile(JSON.stringify(state));
			await handle.sync();
		} finally {
			await handle.close();
		}
		await rename(draft, path.join(this.path, STATE));
		await syncFolder(this.path);
	}
}

/**
 * What recoveries have left in a folder that are over for sure: their process was on this machine, and is there no more. Of any other
 * nothing can be known.
 */
export async function leftoversIn(folder: string): Promise<Leftover[]> {
	const found: Leftover[] = [];
	for (const name of (await readdir(folder)).filter(isWorkFolder)) {
		const place = path.join(folder, name);
		const stat = await lstatOrNothing(place);
		if (!stat?.isDirectory() || stat.uid !== (process.getuid?.() ?? stat.uid)) continue;
		const state = await stateIn(place);
		const isOver = state ? isGone(state.holder, going.has(place)) : !going.has(place) && (await isBare(place));
		if (isOver) found.push({ folder: place, moved: state ? await movedOut(folder, place, state) : [] });
	}
	return found;
}

/** @throws what the file system answers */
export async function removeLeftovers(leftovers: readonly Leftover[]): Promise<void> {
	for (const { folder, moved } of leftovers) {
		for (const name of moved) await rm(path.join(path.dirname(folder), name), { recursive: true, force: true });
		await rm(folder, { recursive: true, force: true });
	}
}

/** Killed before it could say who fills it. */
async function isBare(place: string): Promise<boolean> {
	return (await readdir(place)).every((name) => name === `${STATE}.new`);
}

/** What was noted, stands above, and is not in its old place; nothing where all of it was there, for then it is a data directory. */
async function movedOut(parent: string, place: string, { moving }: State): Promise<string[]> {
	const moved: string[] = [];
	if (await lstatOrNothing(path.join(parent, VERSION_FILE))) return moved;
	for (const name of moving?.names ?? []) {
		const isHere = await lstatOrNothing(path.join(place, moving!.from, name));
		if (!isHere && (await lstatOrNothing(path.join(parent, name)))) moved.push(name);
	}
	return moved;
}

async function stateIn(place: string): Promise<State | undefined> {
	try {
		const file = path.join(place, STATE);
		const found = await lstatOrNothing(file);
		if (!found?.isFile() || found.size > MOST_BYTES) return undefined;
		return stateSchema.parse(JSON.parse(await readFile(file, 'utf8')));
	} catch {
		return undefined;
	}
}
