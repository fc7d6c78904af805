/**
 * Walks a folder in the order of names that sets have: that of the bytes of whole paths. The names of directories end with a
 * slash, as do the beginnings of the paths of what is in them, so the order of all paths comes of itself when the names in each
 * directory are sorted. Directories that come next are listed ahead, so that the thread that does it gets several at a time. In
 * memory: the names in the directory at hand, of those above it the ones that are still to come, and up to some thousand names ahead.
 */
import { stat } from 'node:fs/promises';

import { BackupError, throwIfCancelled } from '../../errors';
import { Disk, type FileStat } from './disk/disk';

export interface Walked {
	/** Relative to the root, with forward slashes, and one at the end for a directory; see engine/tree/name.ts. */
	name: string;
	stat: FileStat;
}

export interface WalkOptions {
	/** Absolute. */
	root: Uint8Array;
	/** A folder in it, with a slash at its end: only what is in that one is walked. */
	below?: string;
	/** Whether an entry, with everything below it, is passed over: it is not even looked at. */
	isExcluded: (name: string) => boolean;
	/** Whether directories of other file systems are passed over, too. */
	oneFileSystem: boolean;
	/** Called for what cannot be listed or looked at; what it throws ends the walk. */
	onUnreadable: (name: string, error: NodeJS.ErrnoException) => void;
	signal: AbortSignal;
}

/** Entries that are looked at before the first of them is handed out. */
const BATCH = 256;
/** Directories that are listed ahead of their turn at once: those that come within so many names, as far as one can tell. */
const LISTED_AT_ONCE = 32;
const NAMES_AHEAD = 1024;
/** What is found to come sooner was not known when others were listed; with more names than so many in all, none are. */
const MOST_NAMES = 4 * NAMES_AHEAD;

/** All entries below the root, without the root itself. */
export async function* walk(options: WalkOptions): AsyncGenerator<Walked> {
	const disk = new Disk(options.root);
	try {
		yield* walkOn(disk, options);
	} finally {
		disk.close();
	}
}

/** As `walk`, by a disk that others use, too. */
export async function* walkOn(disk: Disk, options: Omit<WalkOptions, 'root'>): AsyncGenerator<Walked> {
	const { oneFileSystem, signal } = options;
	// It may be a link itself.
	const device = oneFileSystem ? (await stat(disk.root, { bigint: true })).dev : undefined;
	const shared = { ...options, disk, device };
	const ahead = new Ahead();
	const { levels } = ahead;
	levels.push(new Directory(options.below ?? '', shared, ahead));
	for (let level = levels.at(-1); level; level = levels.at(-1)) {
		throwIfCancelled(signal);
		const entries = await level.entries();
		if (!entries) {
			levels.pop();
			continue;
		}
		// Up to the first directory, whose entries come next.
		for (let walked = entries.next(); walked; walked = entries.next()) {
			yield walked;
			const below = entries.enter(walked.name);
			if (!below) continue;
			levels.push(below);
			break;
		}
	}
}

/** What is listed ahead of its turn: always the directories that come next. */
class Ahead {
	/** The directory whose turn it is, and those that it is in, the outermost first. */
	readonly levels: Directory[] = [];
	listing = 0;
	/** Names that were listed and have not had their turn. */
	names = 0;
	/** Names in the directory that was listed last: those beside it may be as large. */
	usual = 0;
	/** How many more names may come before the next directory that is listed, and before the first of them. */
	#room = 0;
	#roomForFirst = 0;

	/**
	 * Begins to list directories that come next. Where the first of them comes late, nothing is begun: to list some together later
	 * costs far less than one by one.
	 */
	start(): void {
		this.#room = NAMES_AHEAD;
		this.#roomForFirst = NAMES_AHEAD / 2;
		for (let depth = this.levels.length - 1; depth >= 0; depth--) {
			if (!this.levels[depth]!.startBelow()) return;
		}
	}

	/** Whether a directory may be listed that comes after those that were passed by. */
	admit(): boolean {
		if (this.listing >= LISTED_AT_ONCE || this.names >= MOST_NAMES || this.#roomForFirst <= 0) return false;
		this.#roomForFirst = Infinity;
		return true;
	}

	/** Passes by a directory with so many names. False where there is no more room behind it. */
	passBy(names: number): boolean {
		this.#room -= 1 + names;
		this.#roomForFirst -= 1 + names;
		return this.#room > 0;
	}

	/** A directory that was listed ahead has its turn. */
	enter(names: number): void {
		this.names -= names;
		this.start();
	}
}

/** Some entries of a directory, as they were looked at. */
class Entries {
	#position = 0;

	/** @param directories those of the entries that are to be entered and have not been */
	constructor(
		private readonly entries: readonly Walked[] = [],
		readonly directories: Directory[] = [],
	) {}

	get areOver(): boolean {
		return this.#position >= this.entries.length;
	}

	next(): Walked | undefined {
		return this.entries[this.#position++];
	}

	/** The directory of that name, the last that was handed out, if it is one to be entered. */
	enter(name: string): Directory | undefined {
		return this.directories[0]?.name === name ? this.directories.shift() : undefined;
	}
}

interface DirectoryOptions extends Omit<WalkOptions, 'root'> {
	disk: Disk;
	/** Where only directories of one file system are entered. */
	device: bigint | undefined;
}

/** A directory whose entries come next, or soon. */
class Directory {
	#names: string[] = [];
	#position = 0;
	/** Those whose turn it is. */
	#entries = new Entries();
	/** Those that come after them, when they are known. */
	#coming = new Entries();
	#next: Promise<Entries | undefined> | undefined;
	#isAhead = true;
	#isListed = false;

	constructor(
		readonly name: string,
		private readonly options: DirectoryOptions,
		private readonly ahead: Ahead,
	) {}

	/** Begins to list it, if that was not done ahead. */
	start(): Promise<Entries | undefined> {
		this.#next ??= this.#list().then(async () => await this.#look());
		// Whoever waits for it meets its error.
		this.#next.catch(() => {});
		return this.#next;
	}

	/** What is left of the entries that were looked at last, or the next ones; undefined at the end. */
	async entries(): Promise<Entries | undefined> {
		while (this.#entries.areOver) {
			const entries = await this.start();
			if (this.#isAhead) this.ahead.enter(this.#names.length);
			this.#isAhead = false;
			if (!entries) return undefined;
			this.#entries = entries;
			this.#coming = new Entries();
			this.#next = this.#look();
			this.#next.catch(() => {});
		}
		return this.#entries;
	}

	/** Begins to list directories in it, the next ones first. False once there is no more room. */
	startBelow(): boolean {
		return this.#entries.directories.every(startAhead) && this.#coming.directories.every(startAhead);
	}

	/** The same for itself and those in it. */
	startAhead(): boolean {
		if (!this.#next) {
			if (!this.ahead.admit()) return false;
			void this.start();
		}
		return this.ahead.passBy(this.#isListed ? this.#names.length : this.ahead.usual) && this.startBelow();
	}

	async #list(): Promise<void> {
		const { disk, below = '', onUnreadable, signal } = this.options;
		this.ahead.listing++;
		try {
			this.#names = await disk.list(this.name, signal);
			this.ahead.names += this.#names.length;
			this.ahead.usual = this.#names.length;
			this.#isListed = true;
		} catch (error) {
			if (!isErrno(error)) throw error;
			if (!isGone(error) || this.name === below) onUnreadable(this.name, error);
		} finally {
			this.ahead.listing--;
		}
	}

	/** The next entries that are wanted; undefined where there are no more. */
	async #look(): Promise<Entries | undefined> {
		if (this.#position >= this.#names.length) return undefined;
		const { disk, device, isExcluded, onUnreadable, signal } = this.options;
		const batch = this.#names.slice(this.#position, (this.#position += BATCH));
		const names = batch.map((name) => this.name + name).filter((name) => !isExcluded(name));
		const found = await disk.look(names, signal);
		const entries = names.flatMap((name, index) => {
			const stat = found[index]!;
			if (stat instanceof Error) {
				// It is gone since the directory was listed: as if it had never been there.
				if (!isGone(stat)) onUnreadable(name, stat);
				return [];
			}
			// It has become something else since the directory was listed, and what was listed is gone.
			return stat.isDirectory() === name.endsWith('/') ? [{ name, stat }] : [];
		});
		const directories = entries
			.filter((entry) => entry.stat.isDirectory() && (device === undefined || entry.stat.dev === device))
			.map(({ name }) => new Directory(name, this.options, this.ahead));
		this.#coming = new Entries(entries, directories);
		this.ahead.start();
		return this.#coming;
	}
}

const startAhead = (directory: Directory): boolean => directory.startAhead();

/** Whether nothing is there any more: the entry is gone, or the folder that it was in, or that is something else by now. */
export function isGone({ code }: NodeJS.ErrnoException): boolean {
	return code === 'ENOENT' || code === 'ENOTDIR';
}

export function isErrno(error: unknown): error is NodeJS.ErrnoException {
	if (!(error instanceof Error) || error instanceof BackupError) return false;
	return typeof (error as NodeJS.ErrnoException).code === 'string';
}
