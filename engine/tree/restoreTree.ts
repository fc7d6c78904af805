/**
 * How a set is restored. The index is read twice at least. The first time nothing is written: it is checked to its end, the
 * target is asked what is there already, and the frames that are wanted are noted, of every archive that has content. Then,
 * archive by archive, the index is read along with those frames. So each archive is read once, by ranges, from front to
 * back, and in memory are the numbers of frames, small files that are being written, and one frame. What an archive holds under former
 * names is in the order of those, and takes a passage of its own.
 *
 * A restore that broke is run again: what it has written stands whole under its name, is found to be the same, and passed over.
 */
import type { ArchiveReader } from '../archive';
import { cancelled, throwIfCancelled } from '../errors';
import { Jobs } from '../parallel';
import { giveBack } from '../storage/lent';
import type { StoredFile } from './compare';
import { ContentReader, WantedFrames } from './content';
import type { EntryType, TreeEntry } from './entry';
import { LinkedNames } from './linked-names';
import { shownName } from './name';
import { NAMES_TOLD, Placement, type RestoredTree } from './placement';
import { beyondEnd, entriesExist, nothingSelected } from './restore-errors';
import { SelectedEntries } from './selected';
import { Selection, type EntrySelection } from './selection';
import type { Existing, Found, TreeTarget } from './target';

/** Up to so many bytes a file's content is read whole, so that many of them are written at once. */
const SMALL_BYTES = 1024 * 1024;
const WRITTEN_AT_ONCE = 16;
/** Where the target gathers what it is given. */
const GATHERED_AT_ONCE = 256;
const LOOKED_AT_ONCE = 16;
const WAITING_BYTES = 16 * 1024 * 1024;

export interface RestoreTreeOptions {
	reader: ArchiveReader;
	/** By id, the backup's own included; see openNeeded. */
	archives: ReadonlyMap<string, ArchiveReader>;
	target: TreeTarget;
	selection?: EntrySelection;
	/** By default, a restore that would meet something else does not begin. */
	existing?: Existing;
	signal?: AbortSignal;
	onProgress?: (progress: { bytes: number; totalBytes: number; entries: number; totalEntries: number }) => void;
}

/** What the first reading of the index has found. */
interface Plan {
	entriesOf: SelectedEntries;
	passages: ReadonlyMap<string, Passage>;
	/** The types that its entries have. */
	types: ReadonlySet<EntryType>;
	bytes: number;
	entries: number;
	/** Bytes that the target must have room for, as far as that is certain. */
	room: number;
}

/** An archive, read from front to back along with the index. */
interface Passage {
	archive: string;
	/** Whether what it holds under former names is restored, or all else. */
	former: boolean;
	frames: WantedFrames;
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

/**
 * What a restore would write, found out as the restore itself does before it writes anything. What is the same already is counted, too.
 * @throws BackupError as restoreTree does before it has written anything
 */
export async function planTree(options: RestoreTreeOptions): Promise<{ entries: number; bytes: number }> {
	const signal = options.signal ?? new AbortController().signal;
	try {
		throwIfCancelled(signal);
		const { entries, bytes } = await planOf(options, signal);
		return { entries, bytes };
	} catch (error) {
		throw signal.aborted ? cancelled() : error;
	} finally {
		await options.target.close?.();
	}
}

async function planOf(options: RestoreTreeOptions, signal: AbortSignal): Promise<Plan> {
	const { reader, archives, target, selection = new Selection(), existing = 'fail' } = options;
	const passages = new Map<string, Passage>();
	const entriesOf = await SelectedEntries.of(reader, selection, signal);
	const types = new Set<EntryType>();
	const plan: Plan = { entriesOf, passages, types, bytes: 0, entries: 0, room: 0 };
	const looks = new Looks(options, plan, signal);
	const take = async (entry: TreeEntry) => {
		target.accept?.(entry);
		plan.entries++;
		types.add(entry.type);
		// Whoever overwrites is asked for nothing: to know what is the same, all that is there would have to be read.
		if (existing !== 'overwrite') await looks.at(entry);
		if (!isStored(entry)) return;
		plan.bytes += entry.size;
		const { archive, offset, former = false } = entry.content;
		const holder = archives.get(archive);
		if (!holder) throw new Error(`The archive ${archive} was not opened.`);
		const key = former ? `${archive} former` : archive;
		const passage = passages.get(key) ?? { archive, former, frames: new WantedFrames(holder) };
		passages.set(key, passage);
		if (!passage.frames.add(offset, entry.size)) throw beyondEnd(holder.key, entry.name);
	};
	for await (const entries of entriesOf.chunks()) for (const entry of entries) await take(entry);
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
		const found = this.#options.target.look(entry, this.#signal);
		if (typeof found === 'string') return this.#found(entry, found);
		while (this.#running.size >= LOOKED_AT_ONCE) await Promise.race(this.#running);
		if (this.#failure) throw this.#failure.error;
		const look: Promise<void> = found
			.then((place) => this.#found(entry, place))
			.catch((error: unknown) => void (this.#failure ??= { error }))
			.finally(() => this.#running.delete(look));
		this.#running.add(look);
	}

	/** @throws BackupError TARGET_EXISTS, and what the target throws */
	async end(): Promise<void> {
		await Promise.all(this.#running);
		if (this.#failure) throw this.#failure.error;
		if (this.#otherCount > 0) throw entriesExist(this.#others, this.#otherCount);
	}

	#found(entry: TreeEntry, found: Found): void {
		const { existing = 'fail' } = this.#options;
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
	readonly #placement: Placement;
	readonly #writing: Jobs;
	/** Files that links may lead to and that were skipped. */
	readonly #skippedLinked = new LinkedNames();
	#doneBytes = 0;
	#doneEntries = 0;

	constructor(options: RestoreTreeOptions, plan: Plan, signal: AbortSignal) {
		this.#options = options;
		this.#plan = plan;
		this.#signal = signal;
		this.#writing = new Jobs(options.target.writeWhole ? GATHERED_AT_ONCE : WRITTEN_AT_ONCE, WAITING_BYTES);
		this.#placement = new Placement(options.target, options.existing ?? 'fail', signal);
	}

	async run(): Promise<RestoredTree> {
		const { types, passages } = this.#plan;
		// Directories along with the files of the first archive, each before what is in it.
		const [first, ...others] = passages.values();
		if (first) await this.#filesIn(first, { withDirectories: true });
		else if (types.has('directory')) await this.#each(isDirectory, this.#directory);
		for (const passage of others) await this.#filesIn(passage);
		await this.#writing.end();
		// Links last, when what they lead to is there, and nothing is written through them any more; hard links while all folders are open.
		if (types.has('link')) await this.#each(({ type }) => type === 'link', this.#bare);
		await this.#symlinksAndEnds();
		return this.#placement.result;
	}

	async #filesIn({ archive, former, frames }: Passage, { withDirectories = false } = {}): Promise<void> {
		const reader = this.#options.archives.get(archive)!;
		const lends = this.#options.target.givesBack ?? false;
		const contents = new ContentReader(reader, frames, this.#signal, { lends });
		try {
			await this.#each(
				({ type, content }) =>
					content
						? content.archive === archive && (content.former ?? false) === former
						: withDirectories && type === 'directory',
				(entry) => (isStored(entry) ? this.#file(entry, contents) : this.#directory(entry)),
			);
		} finally {
			await this.#writing.settle();
			await contents.close();
		}
		await this.#writing.end();
	}

	/** Does something with each selected entry that is wanted, in the order of names. Of small files, most have nothing to wait for. */
	async #each(
		isWanted: (entry: TreeEntry) => boolean,
		action: (entry: TreeEntry) => Promise<void> | undefined,
	): Promise<void> {
		const { target } = this.#options;
		for await (const entries of this.#plan.entriesOf.chunks()) {
			for (const entry of entries) {
				target.pass?.(entry);
				if (!isWanted(entry)) continue;
				throwIfCancelled(this.#signal);
				const doing = action(entry);
				if (doing) await doing;
			}
		}
	}

	/**
	 * Symbolic links, and then what belongs to the directory that they are in, innermost first. The names are in order, so all below a
	 * directory has come when an entry comes that is not below it.
	 */
	async #symlinksAndEnds(): Promise<void> {
		const { target } = this.#options;
		const { types } = this.#plan;
		if (!types.has('symlink') && !(types.has('directory') && target.finishDirectory)) return;
		const open: TreeEntry[] = [];
		const finishOutside = async (name: string) => {
			for (let last = open.at(-1); last && !name.startsWith(last.name); last = open.at(-1)) {
				const directory = last;
				await this.#writing.add(async () => await target.finishDirectory?.(directory, this.#signal));
				open.pop();
			}
		};
		await this.#each(
			({ type }) => type === 'directory' || type === 'symlink',
			async (entry) => {
				await finishOutside(entry.name);
				if (isDirectory(entry)) open.push(entry);
				else await this.#bare(entry);
			},
		);
		await finishOutside('');
		await this.#writing.end();
	}

	#directory = async (entry: TreeEntry): Promise<void> => {
		if (!(await this.#isToBeWritten(entry))) return this.#progress(entry);
		await this.#writing.add(async () => await this.#make(entry));
	};

	#bare = async (entry: TreeEntry): Promise<void> => {
		// The file that it leads to was left as it is, with other content.
		if (entry.type === 'link' && this.#skippedLinked.has(entry.target ?? '')) return this.#placement.skip(entry);
		if (await this.#isToBeWritten(entry)) await this.#make(entry);
		else this.#progress(entry);
	};

	async #make(entry: TreeEntry): Promise<void> {
		await this.#options.target.make(entry, this.#signal);
		this.#placement.wrote(0);
		this.#progress(entry);
	}

	/** @returns what is to be waited for, if anything */
	#file(entry: StoredFile, contents: ContentReader): Promise<void> | undefined {
		const isToBeWritten = this.#isToBeWritten(entry);
		const isWhole = isToBeWritten === true && this.#isWrittenWhole(entry);
		const content = isWhole ? contents.wholeAtHand(entry) : undefined;
		if (!content) return this.#fileLater(entry, contents, isToBeWritten);
		return this.#writing.add(() => this.#writeWhole(entry, content, contents), entry.size);
	}

	#isWrittenWhole({ size, sparse }: StoredFile): boolean {
		return size <= SMALL_BYTES && !sparse && this.#options.target.writeWhole !== undefined;
	}

	async #fileLater(
		entry: StoredFile,
		contents: ContentReader,
		isToBeWritten: Promise<boolean> | boolean,
	): Promise<void> {
		if (!(await isToBeWritten)) return this.#progress(entry);
		if (entry.size > SMALL_BYTES) return await this.#write(entry, contents.contentOf(entry));
		const { target } = this.#options;
		if (this.#isWrittenWhole(entry)) {
			const content = await contents.uncheckedWholeOf(entry);
			return await this.#writing.add(() => this.#writeWhole(entry, content, contents), entry.size);
		}
		const content = await contents.wholeOf(entry);
		if (target.writeWhole) return await this.#write(entry, inMemory(content));
		await this.#writing.add(async () => await this.#write(entry, inMemory(content)), entry.size);
	}

	async #writeWhole(entry: StoredFile, content: Uint8Array, contents: ContentReader): Promise<void> {
		const wasRight = await this.#options.target.writeWhole?.(entry, content, this.#signal);
		giveBack(content);
		if (!wasRight) throw contents.changed(entry);
		this.#wrote(entry);
	}

	async #write(entry: StoredFile, content: AsyncIterable<Uint8Array>): Promise<void> {
		await this.#options.target.writeFile(entry, content, this.#signal);
		this.#wrote(entry);
	}

	#wrote(entry: StoredFile): void {
		this.#placement.wrote(entry.size);
		this.#progress(entry);
	}

	#isToBeWritten(entry: TreeEntry): Promise<boolean> | boolean {
		return this.#placement.isToBeWritten(entry, () => {
			if (entry.linked) this.#skippedLinked.add(entry.name);
		});
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
}

async function* inMemory(content: Uint8Array): AsyncGenerator<Uint8Array> {
	if (content.length > 0) yield await Promise.resolve(content);
}

function isDirectory({ type }: TreeEntry): boolean {
	return type === 'directory';
}

function isStored(entry: TreeEntry): entry is StoredFile {
	return entry.content !== undefined && entry.sha256 !== undefined;
}
