/**
 * Restores all versions of a backup into a bucket that keeps versions: of each key the oldest first, one after another, a delete
 * marker by a deletion, the current object last. Keys are written side by side. Archives are read in turns (versions/turns.ts): in
 * each turn the histories of all keys pass by, and those versions are written whose turn it is. In memory: the history of a key, small
 * objects that are being written, and one frame.
 *
 * What is there already is asked for by listing the versions of the key, unless nothing at all was there at the beginning. So a restore
 * that broke goes on with the first version that is missing, and writes none twice.
 */
import type { ArchiveReader } from '../archive';
import { cancelled, throwIfCancelled } from '../errors';
import { aheadOf, Jobs } from '../parallel';
import {
	beyondEnd,
	ContentReader,
	entriesExist,
	NAMES_TOLD,
	nothingSelected,
	shownName,
	WantedFrames,
	type EntrySelection,
	type Existing,
	type RestoredTree,
	type RestoreTreeOptions,
	type StoredFile,
	type TreeEntry,
} from '../tree';
import type { Bucket } from './client';
import type { BucketTarget } from './target';
import { historiesIn, standingOf, Turns, type HistoryItem, type KeyHistory, type Standing } from './versions';

export interface RestoreVersionsOptions extends Pick<RestoreTreeOptions, 'signal' | 'onProgress'> {
	reader: ArchiveReader;
	/** By id, the backup's own included. */
	archives: ReadonlyMap<string, ArchiveReader>;
	/** That keeps versions. */
	bucket: Bucket;
	prefix: string;
	/** That overwrites: whether anything may be, is found out here. */
	target: BucketTarget;
	/** Which keys are restored. */
	selection: EntrySelection;
	/** What becomes of a key that has other versions: those of the backup come after them where it is `overwrite`. */
	existing: Existing;
	/** Called with what there is to say besides: whole sentences. */
	warn: (message: string) => void;
}

/** Up to so many bytes, a version is read whole, so that others are read and written meanwhile. */
const SMALL_BYTES = 1024 * 1024;
const WRITTEN_AT_ONCE = 32;
const WAITING_BYTES = 32 * 1024 * 1024;
const LOOKED_AT_ONCE = 16;

interface Plan {
	turns: Turns;
	/** By turn; in order. */
	frames: Map<number, WantedFrames>;
	bytes: number;
	entries: number;
	/** How many versions and delete markers were below the prefix. */
	before: number;
}

/**
 * Versions are counted, and keys where they are skipped or have other versions already.
 * @throws BackupError TARGET_EXISTS, ARCHIVE_CORRUPT, INVALID_INPUT (nothing is selected), CANCELLED, and what archives and server throw.
 * What was written before stays.
 */
export async function restoreVersions(options: RestoreVersionsOptions): Promise<RestoredTree> {
	const signal = options.signal ?? new AbortController().signal;
	try {
		throwIfCancelled(signal);
		const plan = await planOf(options, signal);
		await options.target.prepare();
		const restore = new VersionsRestore(options, plan, signal);
		for (const turn of [...plan.frames.keys()].sort((one, other) => one - other)) await restore.turn(turn);
		await tellCount(options, plan.before + restore.result.written, signal);
		return restore.result;
	} catch (error) {
		throw signal.aborted ? cancelled() : error;
	}
}

async function planOf(options: RestoreVersionsOptions, signal: AbortSignal): Promise<Plan> {
	const { reader, archives, bucket, target, prefix, selection, existing } = options;
	const turns = new Turns(archives);
	const before = await versionCount(bucket, prefix, signal);
	const plan: Plan = { turns, frames: new Map(), bytes: 0, entries: 0, before };
	const others: string[] = [];
	let otherCount = 0;
	const looks = new Jobs(LOOKED_AT_ONCE);
	for await (const history of historiesIn(reader, selection, signal)) {
		const { key, items } = history;
		for (const [index, turn] of turns.of(items).entries()) addTo(plan, turn, items[index]!.entry, target);
		if (before === 0 || existing !== 'fail') continue;
		await looks.add(async () => {
			const { there, others: count } = await standingOf(bucket, target.keyOf(key), items, signal);
			if (count === 0 || there === items.length) return;
			otherCount++;
			if (others.length < NAMES_TOLD) others.push(shownName(key));
		});
	}
	await looks.end();
	if (plan.entries === 0 && !selection.isWhole) throw nothingSelected(reader.key);
	if (otherCount > 0) throw entriesExist(others, otherCount);
	return plan;
}

function addTo(plan: Plan, turn: number, entry: TreeEntry, target: BucketTarget): void {
	target.accept(entry);
	plan.entries++;
	plan.bytes += entry.size;
	const archive = plan.turns.archiveOf(turn);
	const frames = plan.frames.get(turn) ?? new WantedFrames(archive);
	plan.frames.set(turn, frames);
	if (entry.size > 0 && !frames.add(entry.content!.offset, entry.size)) throw beyondEnd(archive.key, entry.name);
}

async function versionCount(bucket: Bucket, prefix: string, signal: AbortSignal): Promise<number> {
	let count = 0;
	for await (const { versions } of bucket.listVersions({ prefix, signal })) count += versions.length;
	return count;
}

/**
 * Where the answer to a write is lost, it is sent again, and nothing in S3 keeps it from becoming one more version. And where all versions
 * of an object were removed but for the delete marker, that cannot be made again on every server.
 */
async function tellCount(
	{ bucket, prefix, warn }: RestoreVersionsOptions,
	wanted: number,
	signal: AbortSignal,
): Promise<void> {
	const count = await versionCount(bucket, prefix, signal);
	if (count === wanted) return;
	if (count < wanted) {
		warn(
			`The bucket ${bucket.name} has ${count} versions and delete markers now, and should have ${wanted}: the server keeps no delete marker of an object that has no version, as MinIO does, or somebody else works in the bucket.`,
		);
		return;
	}
	warn(
		`The bucket ${bucket.name} has ${count} versions and delete markers now, and should have ${wanted}: a version was written twice because an answer of the server was lost, or somebody else works in the bucket.`,
	);
}

class VersionsRestore {
	readonly result: RestoredTree = { written: 0, bytes: 0, same: 0, skipped: 0, skippedNames: [], overwritten: 0 };
	readonly #options: RestoreVersionsOptions;
	readonly #target: BucketTarget;
	readonly #plan: Plan;
	readonly #signal: AbortSignal;
	#doneBytes = 0;
	#doneEntries = 0;

	constructor(options: RestoreVersionsOptions, plan: Plan, signal: AbortSignal) {
		this.#options = options;
		this.#target = options.target;
		this.#plan = plan;
		this.#signal = signal;
	}

	/** Writes all that is due in a turn. */
	async turn(turn: number): Promise<void> {
		const { turns, frames } = this.#plan;
		const contents = new ContentReader(turns.archiveOf(turn), frames.get(turn)!, this.#signal);
		const jobs = new Jobs(WRITTEN_AT_ONCE, WAITING_BYTES);
		try {
			for await (const [due, standing] of aheadOf(this.#due(turn), LOOKED_AT_ONCE, (each) => this.#look(each))) {
				throwIfCancelled(this.#signal);
				const missing = this.#missing(due, standing);
				await this.#completeLast(due, standing);
				await this.#write(missing, contents, jobs);
			}
			await jobs.end();
		} finally {
			await jobs.settle();
			await contents.close();
		}
	}

	/** The histories of which something is to be written in a turn, with the first item of these and the one after the last. */
	async *#due(turn: number): AsyncGenerator<Due> {
		const { reader, selection } = this.#options;
		for await (const history of historiesIn(reader, selection, this.#signal)) {
			for (const { entry } of history.items) this.#target.pass(entry);
			const turns = this.#plan.turns.of(history.items);
			const start = turns.indexOf(turn);
			if (start >= 0) yield { history, start, end: turns.lastIndexOf(turn) + 1 };
		}
	}

	async #look({ history: { key, items }, start }: Due): Promise<Standing> {
		// What was written in the turns before is all that is there.
		if (this.#plan.before === 0) return { there: start, others: 0 };
		return await standingOf(this.#options.bucket, this.#target.keyOf(key), items, this.#signal);
	}

	/** Which of the due items are to be written. Counts those that are not. */
	#missing({ history: { key, items }, start, end }: Due, { there, others }: Standing): readonly HistoryItem[] {
		const { existing } = this.#options;
		const isOther = others > 0 && there < items.length;
		if (isOther && existing === 'skip') {
			if (start === 0) this.#skip(key);
			for (const { entry } of items.slice(start, end)) this.#progress(entry);
			return [];
		}
		// It was not there a moment ago, when all of the selection was looked at.
		if (isOther && existing === 'fail') throw entriesExist([shownName(key)], 1);
		if (isOther && there === 0 && start === 0) this.result.overwritten++;
		const first = Math.min(Math.max(start, there), end);
		// Somebody else writes to the key, or removes from it: in the wrong order its history would be another one.
		if (first < end && first !== there) throw entriesExist([shownName(key)], 1);
		this.result.same += first - start;
		for (const { entry } of items.slice(start, first)) this.#progress(entry);
		return items.slice(first, end);
	}

	/** What a restore that broke may not have written of the last version of a key. */
	async #completeLast({ history: { items }, start, end }: Due, { there }: Standing): Promise<void> {
		const last = there > start && there <= end ? items[there - 1] : undefined;
		if (last && !last.isDeleteMarker && this.#plan.before > 0) await this.#target.complete(last.entry, this.#signal);
	}

	/** Small versions are read at once and written one after another, while those of other keys are. */
	async #write(items: readonly HistoryItem[], contents: ContentReader, jobs: Jobs): Promise<void> {
		let before = Promise.resolve();
		for (const item of items) {
			const { entry } = item;
			if (entry.size > SMALL_BYTES) {
				await before;
				await this.#put(item, contents.contentOf(entry as StoredFile));
				continue;
			}
			const pieces: Uint8Array[] = [];
			if (!item.isDeleteMarker) for await (const piece of contents.contentOf(entry as StoredFile)) pieces.push(piece);
			const earlier = before;
			await jobs.add(async () => {
				const writing = earlier.then(async () => await this.#put(item, inMemory(pieces)));
				before = writing;
				await writing;
			}, entry.size);
		}
	}

	async #put({ entry, isDeleteMarker }: HistoryItem, content: AsyncIterable<Uint8Array>): Promise<void> {
		const { bucket } = this.#options;
		throwIfCancelled(this.#signal);
		// Without its versions it has nothing to be deleted.
		if (this.#target.refused.has(entry.name)) return this.#progress(entry);
		if (isDeleteMarker) {
			const [failure] = await bucket.remove([this.#target.keyOf(entry.name)], this.#signal);
			if (failure) throw failure.error;
		} else await this.#target.writeFile(entry, content, this.#signal);
		this.result.written++;
		this.result.bytes += entry.size;
		this.#progress(entry);
	}

	#skip(key: string): void {
		this.result.skipped++;
		if (this.result.skippedNames.length < NAMES_TOLD) this.result.skippedNames.push(shownName(key));
	}

	#progress({ size }: TreeEntry): void {
		const { bytes: totalBytes, entries: totalEntries } = this.#plan;
		this.#doneBytes += size;
		this.#doneEntries++;
		this.#options.onProgress?.({ bytes: this.#doneBytes, totalBytes, entries: this.#doneEntries, totalEntries });
	}
}

/** What of a history is to be written in a turn: the items from one to before another. */
interface Due {
	history: KeyHistory;
	start: number;
	end: number;
}

async function* inMemory(pieces: Uint8Array[]): AsyncGenerator<Uint8Array> {
	for (const piece of pieces) yield await Promise.resolve(piece);
}
