/**
 * How a set is restored. The index is read twice at least. The first time nothing is written: it is checked to its end, the
 * target is asked what is there already, and the frames that are wanted are noted, of every archive that has content. Then,
 * archive by archive, the index is read along with those frames. So each archive is read once, by ranges, from front to
 * back, and in memory are the numbers of frames, small files that are being written, and one frame.
 *
 * A restore that broke is run again: what it has written stands whole under its name, is found to be the same, and passed over.
 */
import type { ArchiveReader } from '../archive';
import { BackupError, cancelled, listed, throwIfCancelled } from '../errors';
import type { StoredFile } from './compare';
import { ContentReader, WantedFrames } from './content';
import { MOST_LINKED, type TreeEntry } from './entry';
import { shownName } from './name';
import { SelectedEntries } from './selected';
import { Selection } from './selection';
import type { Existing, TreeTarget } from './target';

/** Up to so many bytes a file's content is read whole, so that many of them are written at once. */
const SMALL_BYTES = 1024 * 1024;
const WRITTEN_AT_ONCE = 16;
const LOOKED_AT_ONCE = 16;
const WAITING_BYTES = 32 * 1024 * 1024;
const NAMES_TOLD = 20;

export interface RestoreTreeOptions {
	reader: ArchiveReader;
	/** By id, the backup's own included; see openNeeded. */
	archives: ReadonlyMap<string, ArchiveReader>;
	target: TreeTarget;
	selection?: Selection;
	/** By default, a restore that would meet something else does not begin. */
	existing?: Existing;
	signal?: AbortSignal;
	onProgress?: (progress: { bytes: number; totalBytes: number; entries: number; totalEntries: number }) => void;
}

export interface RestoredTree {
	/** Entries that were written, and their bytes. */
	written: number;
	bytes: number;
	/** That were there already, just as they are in the backup. */
	same: number;
	/** That are other than in the backup, and were left as they are. */
	skipped: number;
	/** Some names of those. */
	skippedNames: string[];
	/** That were other, and were written over. */
	overwritten: number;
}

/** What the first reading of the index has found. */
interface Plan {
	entriesOf: SelectedEntries;
	frames: ReadonlyMap<string, WantedFrames>;
	/** Whether any entry of the selection has no content. */
	hasBare: boolean;
	bytes: number;
	entries: number;
	/** Bytes that the target must have room for, as far as that is certain. */
	room: number;
}

/**
 * Restores what is selected.
 * @throws BackupError ARCHIVE_CORRUPT, TARGET_EXISTS, INVALID_INPUT (nothing is selected), CANCELLED, and what archives and
 * target throw. Files that were written before stay, whole.
 */
export async function restoreTree(options: RestoreTreeOptions): Promise<RestoredTree> {
	const { target } = options;
	const signal = options.signal ?? new AbortController().signal;
	try {
		throwIfCancelled(signal);
		const plan = await planOf(options, signal);
		await target.prepare?.({ bytes: plan.room, entries: plan.entries }, signal);
		return await new TreeRestore(options, plan, signal).run();
	} catch (error) {
		throw signal.aborted ? cancelled() : error;
	} finally {
		await target.close?.();
	}
}

async function planOf(options: RestoreTreeOptions, signal: AbortSignal): Promise<Plan> {
	const { reader, archives, target, selection = new Selection(), existing = 'fail' } = options;
	const frames = new Map<string, WantedFrames>();
	const entriesOf = await SelectedEntries.of(reader, selection, signal);
	const plan: Plan = { entriesOf, frames, hasBare: false, bytes: 0, entries: 0, room: 0 };
	const looks = new Looks(options, plan, signal);
	for await (const entry of entriesOf) {
		target.accept?.(entry);
		plan.entries++;
		// Whoever overwrites is asked for nothing: to know what is the same, all that is there would have to be read.
		if (existing !== 'overwrite') await looks.at(entry);
		if (!isStored(entry)) {
			plan.hasBare = true;
			continue;
		}
		plan.bytes += entry.size;
		const { archive, offset } = entry.content;
		const holder = archives.get(archive);
		if (!holder) throw new Error(`The archive ${archive} was not opened.`);
		const wanted = frames.get(archive) ?? new WantedFrames(holder);
		frames.set(archive, wanted);
		if (!wanted.add(offset, entry.size)) throw beyondEnd(holder.key, entry.name);
	}
	// A backup of nothing is restored, too; a choice that takes nothing of it is a mistake.
	if (plan.entries === 0 && !selection.isWhole) throw nothingSelected(reader.key);
	await looks.end();
	return plan;
}

/** Looks at what stands in the target, some entries at once: each look may be a question to a server. */
class Looks {
	readonly #options: RestoreTreeOptions;
	readonly #plan: Plan;
	readonly #signal: AbortSignal;
	readonly #running = new Set<Promise<void>>();
	readonly #others: string[] = [];
	#otherCount = 0;
	#failure: { error: unknown } | undefined;

	constructor(options: RestoreTreeOptions, plan: Plan, signal: AbortSignal) {
		this.#options = options;
		this.#plan = plan;
		this.#signal = signal;
	}

	async at(entry: TreeEntry): Promise<void> {
		while (this.#running.size >= LOOKED_AT_ONCE) await Promise.race(this.#running);
		if (this.#failure) throw this.#failure.error;
		const look: Promise<void> = this.#look(entry)
			.catch((error: unknown) => void (this.#failure ??= { error }))
			.finally(() => this.#running.delete(look));
		this.#running.add(look);
	}

	/** @throws BackupError TARGET_EXISTS, and what the target throws */
	async end(): Promise<void> {
		await Promise.all(this.#running);
		if (this.#failure) throw this.#failure.error;
		if (this.#otherCount > 0) throw inTheWayOf(this.#others, this.#otherCount);
	}

	async #look(entry: TreeEntry): Promise<void> {
		const { target, existing = 'fail' } = this.#options;
		const found = await target.look(entry, this.#signal);
		// Holes take no room, and nobody knows how much of a sparse file is holes.
		if (found === 'nothing' && !entry.sparse) this.#plan.room += entry.size;
		if (found !== 'other' || existing !== 'fail') return;
		this.#otherCount++;
		if (this.#others.length < NAMES_TOLD) this.#others.push(shownName(entry.name));
	}
}

class TreeRestore {
	readonly #options: RestoreTreeOptions;
	readonly #plan: Plan;
	readonly #signal: AbortSignal;
	readonly #result: RestoredTree = {
		written: 0,
		bytes: 0,
		same: 0,
		skipped: 0,
		skippedNames: [],
		overwritten: 0,
	};
	readonly #writing = new Set<Promise<void>>();
	/** Files that links may lead to and that were skipped. */
	readonly #skippedLinked = new Set<string>();
	#waitingBytes = 0;
	#failure: { error: unknown } | undefined;
	#doneBytes = 0;
	#doneEntries = 0;

	constructor(options: RestoreTreeOptions, plan: Plan, signal: AbortSignal) {
		this.#options = options;
		this.#plan = plan;
		this.#signal = signal;
	}

	async run(): Promise<RestoredTree> {
		// Directories first, so that files find theirs; hard links last, when what they lead to is there.
		if (this.#plan.hasBare) await this.#each(({ type }) => type === 'directory', this.#bare);
		for (const [id, frames] of this.#plan.frames) await this.#filesIn(id, frames);
		if (this.#plan.hasBare) {
			await this.#each(({ type }) => type === 'symlink' || type === 'link', this.#bare);
			await this.#finishDirectories();
		}
		return this.#result;
	}

	async #filesIn(id: string, frames: WantedFrames): Promise<void> {
		const reader = this.#options.archives.get(id)!;
		const contents = new ContentReader(reader, frames, this.#signal);
		try {
			await this.#each(
				(entry) => entry.content?.archive === id,
				async (entry) => {
					if (isStored(entry)) await this.#file(entry, contents);
				},
			);
		} finally {
			await Promise.all(this.#writing);
			await contents.close();
		}
		this.#throwIfFailed();
	}

	/** Does something with each selected entry that is wanted, in the order of names. */
	async #each(isWanted: (entry: TreeEntry) => boolean, action: (entry: TreeEntry) => Promise<void>): Promise<void> {
		for await (const entry of this.#plan.entriesOf) {
			if (!isWanted(entry)) continue;
			throwIfCancelled(this.#signal);
			this.#throwIfFailed();
			await action(entry);
		}
	}

	/** Innermost first. The names are in order, so all below a directory has come when an entry comes that is not below it. */
	async #finishDirectories(): Promise<void> {
		const { target } = this.#options;
		if (!target.finishDirectory) return;
		const open: TreeEntry[] = [];
		const finishOutside = async (name: string) => {
			for (let last = open.at(-1); last && !name.startsWith(last.name); last = open.at(-1)) {
				await target.finishDirectory?.(last, this.#signal);
				open.pop();
			}
		};
		await this.#each(
			({ type }) => type === 'directory',
			async (entry) => {
				await finishOutside(entry.name);
				open.push(entry);
			},
		);
		await finishOutside('');
	}

	#bare = async (entry: TreeEntry): Promise<void> => {
		// The file that it leads to was left as it is, with other content.
		if (entry.type === 'link' && this.#skippedLinked.has(entry.target ?? '')) return this.#skip(entry);
		if (await this.#isToBeWritten(entry)) {
			await this.#options.target.make(entry, this.#signal);
			this.#result.written++;
		}
		this.#progress(entry);
	};

	async #file(entry: StoredFile, contents: ContentReader): Promise<void> {
		if (!(await this.#isToBeWritten(entry))) return this.#progress(entry);
		if (entry.size > SMALL_BYTES) return await this.#write(entry, contents.contentOf(entry));
		const pieces: Uint8Array[] = [];
		for await (const piece of contents.contentOf(entry)) pieces.push(piece);
		while (
			this.#writing.size >= WRITTEN_AT_ONCE ||
			(this.#waitingBytes > 0 && this.#waitingBytes + entry.size > WAITING_BYTES)
		) {
			await Promise.race(this.#writing);
		}
		this.#throwIfFailed();
		this.#waitingBytes += entry.size;
		const job: Promise<void> = this.#write(entry, inMemory(pieces))
			.catch((error: unknown) => void (this.#failure ??= { error }))
			.finally(() => {
				this.#waitingBytes -= entry.size;
				this.#writing.delete(job);
			});
		this.#writing.add(job);
	}

	async #write(entry: StoredFile, content: AsyncIterable<Uint8Array>): Promise<void> {
		await this.#options.target.writeFile(entry, content, this.#signal);
		this.#result.written++;
		this.#result.bytes += entry.size;
		this.#progress(entry);
	}

	async #isToBeWritten(entry: TreeEntry): Promise<boolean> {
		const found = await this.#options.target.look(entry, this.#signal);
		if (found === 'nothing') return true;
		if (found === 'same') {
			this.#result.same++;
			return false;
		}
		const { existing = 'fail' } = this.#options;
		// It was not there a moment ago, when all of the selection was looked at.
		if (existing === 'fail') throw inTheWayOf([shownName(entry.name)], 1);
		if (existing === 'overwrite') {
			this.#result.overwritten++;
			return true;
		}
		this.#skip(entry);
		return false;
	}

	#skip({ name, linked }: TreeEntry): void {
		this.#result.skipped++;
		if (this.#result.skippedNames.length < NAMES_TOLD) this.#result.skippedNames.push(shownName(name));
		if (linked && this.#skippedLinked.size < MOST_LINKED) this.#skippedLinked.add(name);
	}

	#progress({ size }: TreeEntry): void {
		this.#doneBytes += size;
		this.#doneEntries++;
		this.#options.onProgress?.({
			bytes: this.#doneBytes,
			totalBytes: this.#plan.bytes,
			entries: this.#doneEntries,
			totalEntries: this.#plan.entries,
		});
	}

	#throwIfFailed(): void {
		if (this.#failure) throw this.#failure.error;
	}
}

async function* inMemory(pieces: Uint8Array[]): AsyncGenerator<Uint8Array> {
	for (const piece of pieces) yield await Promise.resolve(piece);
}

function isStored(entry: TreeEntry): entry is StoredFile {
	return entry.content !== undefined && entry.sha256 !== undefined;
}

function beyondEnd(key: string, name: string): BackupError {
	return new BackupError('ARCHIVE_CORRUPT', `The index says that ${shownName(name)} lies beyond the end of ${key}.`, {
		hint: 'Choose another backup, or a copy of this one.',
	});
}

function nothingSelected(key: string): BackupError {
	return new BackupError('INVALID_INPUT', `The backup ${key} holds nothing of what was chosen; nothing was changed.`, {
		hint: 'Look at what it holds with List Entries, and mind upper and lower case.',
	});
}

function inTheWayOf(names: string[], count: number): BackupError {
	const shown = listed(names);
	const more = count > names.length ? ` (${count} in all)` : '';
	return new BackupError(
		'TARGET_EXISTS',
		`The target has others of these already: ${shown}${more}. Nothing of it was changed.`,
		{
			hint: 'Restore into an empty place, or choose to skip or to overwrite what is there.',
		},
	);
}
