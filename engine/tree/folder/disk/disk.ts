/**
 * The calls of the file system below one folder, as promises: a thread does them, many at a time. What is asked for while it is at
 * work waits, and goes to it as the next batch; listings go first, for others follow from them. Single small files that are to be written
 * wait a moment for others, for to wake the thread takes longer than to write one. Contents lie in memory that is
 * lent (storage/lent.ts): when all that lies in a slab was given back, the thread fills it again. In memory: what was asked
 * for and not given back, so whoever asks sets the bound.
 */
import { cancelled } from '../../../errors';
import { nameOf } from '../../name';
import { lend } from '../../../storage/lent';
import { PackedStat, type Batch, type Failure, type FileStat, type FinishOrder, type Outcome } from './messages';
import { giveBackThread, takeThread, type DiskThread } from './threads';
import { packOrders, type Attributes, type NewFile } from './write-orders';

export type { FileStat } from './messages';
export type { Attributes } from './write-orders';

const FILES_IN_BATCH = 256;
const BYTES_IN_BATCH = 4 * 1024 * 1024;
/** Files to be written, or bytes of them, that do not wait for more; and for how many milliseconds fewer wait. */
const FILES_WORTH_IT = 64;
const BYTES_WORTH_IT = 256 * 1024;
const GATHER_MS = 3;

/** A file as it was read. */
export interface ReadFile {
	/** Lent. */
	content: Uint8Array;
	/** As it was after the last byte. */
	stat: FileStat;
	/** The hash of the content, in hex. */
	sha256: string;
}

export type WriteOutcome = 'named' | 'written' | 'changed';

interface Job<Asked, Result> {
	asked: Asked;
	signal: AbortSignal;
	resolve: (result: Result) => void;
	reject: (error: unknown) => void;
}

type ListJob = Job<string, string[]>;
type LookJob = Job<string[], (FileStat | Error)[]>;
type MakeJob = Job<string, 'made' | 'found'>;
type ReadJob = Job<{ name: string; size: number }, ReadFile>;
type WriteJob = Job<NewFile, WriteOutcome>;
type FinishJob = Job<FinishOrder, void>;

type Rejectable = Pick<Job<never, never>, 'reject'>;

interface SentBatch {
	lists: ListJob[];
	looks: LookJob[];
	makes: MakeJob[];
	reads: ReadJob[];
	writes: WriteJob[];
	finishes: FinishJob[];
}

export class Disk {
	readonly root: Buffer;
	readonly #rootName: string;
	#thread: DiskThread | undefined;
	readonly #lists: ListJob[] = [];
	readonly #looks: LookJob[] = [];
	readonly #makes: MakeJob[] = [];
	readonly #reads: ReadJob[] = [];
	readonly #writes: WriteJob[] = [];
	readonly #finishes: FinishJob[] = [];
	/** What files to be written lie in, while the thread has nothing else to do with it. */
	#contents = new SharedArrayBuffer(0);
	#sent: SentBatch | undefined;
	#spare: SharedArrayBuffer[] = [];
	#isScheduled = false;
	#gathering: NodeJS.Timeout | undefined;
	#isForgotten = false;
	#failure: { error: Error } | undefined;

	/** @param root absolute */
	constructor(root: Uint8Array) {
		this.root = Buffer.from(root);
		this.#rootName = nameOf(root);
	}

	/**
	 * Names in a directory, those of directories with a slash at their end, sorted.
	 * @param name that of the root is empty
	 * @throws what the file system answers, BackupError CANCELLED
	 */
	async list(name: string, signal: AbortSignal): Promise<string[]> {
		return await this.#ask(this.#lists, name, signal);
	}

	/** What stands there under each of some names, links not followed, or what the file system answered. @throws BackupError CANCELLED */
	async look(names: string[], signal: AbortSignal): Promise<(FileStat | Error)[]> {
		return await this.#ask(this.#looks, names, signal);
	}

	/**
	 * Makes a directory; `found` where it was there. It may be in one that was asked for before and is not made yet: where that cannot be
	 * made, neither is what was asked for after it.
	 * @throws what the file system answers, ENOTDIR for what is there and no directory, BackupError CANCELLED
	 */
	async make(name: string, signal: AbortSignal): Promise<'made' | 'found'> {
		return await this.#ask(this.#makes, name, signal);
	}

	/**
	 * Reads a file whole: as many bytes as it should have, and one more where there are more. Does not follow a symbolic link, and
	 * does not wait for a pipe.
	 * @throws what the file system answers, BackupError CANCELLED
	 */
	async read(name: string, size: number, signal: AbortSignal): Promise<ReadFile> {
		return await this.#ask(this.#reads, { name, size }, signal);
	}

	/**
	 * Writes a file under the name `partial` and gives it its own name then. `written` where only that did not work; `changed` where the
	 * content has not the hash that it should have, and nothing was written. Where it cannot be written, or not whole, something may be
	 * left under the first name.
	 * @throws what the file system answers, BackupError CANCELLED
	 */
	async write(file: NewFile, signal: AbortSignal): Promise<WriteOutcome> {
		return await this.#ask(this.#writes, file, signal);
	}

	/** Sets what belongs to a directory, after that of those that were asked for before. @throws as `write` */
	async finish(name: string, attributes: Attributes, signal: AbortSignal): Promise<void> {
		await this.#ask(this.#finishes, { name, attributes }, signal);
	}

	/** Has the thread look for all folders anew before what is asked for next: they may have gone. */
	forget(): void {
		this.#isForgotten = true;
	}

	/** Contents that were read stay as they are. What is still asked for is answered, or fails. */
	close(): void {
		const thread = this.#thread;
		this.#thread = undefined;
		const isBusy = this.#sent !== undefined;
		this.#fail(cancelled());
		if (isBusy) thread?.end();
		else if (thread) giveBackThread(thread);
	}

	#ask<Asked, Result>(queue: Job<Asked, Result>[], asked: Asked, signal: AbortSignal): Promise<Result> {
		return new Promise<Result>((resolve, reject) => {
			if (this.#failure) return reject(this.#failure.error);
			queue.push({ asked, signal, resolve, reject });
			if (!this.#sent) this.#schedule();
		});
	}

	/** One batch at a time: what is asked for meanwhile is gathered, for each message takes longer than most calls. */
	#send(): void {
		if (this.#sent || this.#failure) return;
		clearTimeout(this.#gathering);
		this.#gathering = undefined;
		const lists = take(this.#lists);
		const looks = take(this.#looks);
		const makes = take(this.#makes);
		const reads = take(this.#reads, FILES_IN_BATCH, ({ size }) => size);
		const writes = take(this.#writes, FILES_IN_BATCH, ({ content }) => content.length);
		const finishes = take(this.#finishes, FILES_IN_BATCH);
		const sent: SentBatch = { lists, looks, makes, reads, writes, finishes };
		if (jobsOf(sent).length === 0) return;
		this.#thread ??= takeThread({
			onOutcome: (outcome) => this.#receive(outcome),
			onFailure: (error) => this.#fail(error),
		});
		this.#sent = sent;
		const batch: Batch = {
			root: this.#rootName,
			isForgotten: this.#isForgotten,
			lists: lists.map(({ asked }) => asked),
			looks: looks.map(({ asked }) => asked),
			makes: makes.map(({ asked }) => asked),
			reads: { names: reads.map(({ asked }) => asked.name), sizes: reads.map(({ asked }) => asked.size) },
			writes: this.#gathered(writes),
			finishes: finishes.map(({ asked }) => asked),
			slabs: this.#spare,
		};
		this.#spare = [];
		this.#isForgotten = false;
		this.#thread.post(batch);
	}

	#gathered(jobs: WriteJob[]): Batch['writes'] {
		const size = jobs.reduce((total, { asked }) => total + asked.content.length, 0);
		if (size > this.#contents.byteLength) this.#contents = new SharedArrayBuffer(Math.max(size, BYTES_IN_BATCH));
		return packOrders(
			jobs.map(({ asked }) => asked),
			this.#contents,
		);
	}

	#receive({ lists, looks, makes, reads, writes, times, finishes, slabs }: Outcome): void {
		const sent = this.#sent;
		if (!sent) return;
		this.#sent = undefined;
		for (const [index, job] of sent.lists.entries()) {
			const names = lists[index]!;
			if (Array.isArray(names)) job.resolve(names);
			else job.reject(errorOf(names));
		}
		for (const [index, { asked, resolve }] of sent.looks.entries()) {
			const { stats, failures } = looks[index]!;
			resolve(
				asked.map((_name, at) => {
					const failure = failures.get(at);
					return failure ? errorOf(failure) : new PackedStat(stats, at);
				}),
			);
		}
		for (const [index, job] of sent.makes.entries()) {
			const outcome = makes.get(index) ?? 'made';
			if (typeof outcome === 'string') job.resolve(outcome);
			// Those that were asked for meanwhile may be below it, too.
			else for (const each of [job, ...this.#makes.splice(0)]) each.reject(errorOf(outcome));
		}
		for (const [index, job] of sent.writes.entries()) {
			const time = times.get(index);
			if (time !== undefined) job.asked.onTime?.(time);
			const outcome = writes.get(index) ?? 'named';
			if (typeof outcome === 'string') job.resolve(outcome);
			else job.reject(errorOf(outcome));
		}
		for (const [index, job] of sent.finishes.entries()) {
			const failure = finishes[index];
			if (failure) job.reject(errorOf(failure));
			else job.resolve();
		}
		this.#handOut(sent.reads, reads, slabs);
		this.#schedule();
	}

	/** What else is asked for in the same turn goes with it. */
	#schedule(): void {
		if (this.#isScheduled) return;
		if (this.#mayWait()) {
			this.#gathering ??= setTimeout(() => {
				this.#gathering = undefined;
				this.#send();
			}, GATHER_MS);
			return;
		}
		this.#isScheduled = true;
		setImmediate(() => {
			this.#isScheduled = false;
			this.#send();
		});
	}

	/** Whether all that is asked for is to write a few small files. */
	#mayWait(): boolean {
		if (this.#writes.length === 0 || this.#writes.length >= FILES_WORTH_IT) return false;
		const others = [this.#lists, this.#looks, this.#makes, this.#reads, this.#finishes];
		if (others.some(({ length }) => length > 0)) return false;
		return this.#writes.reduce((bytes, { asked }) => bytes + asked.content.length, 0) < BYTES_WORTH_IT;
	}

	#handOut(jobs: ReadJob[], { stats, failures, places, hashes }: Outcome['reads'], buffers: SharedArrayBuffer[]): void {
		const slabs = buffers.map((buffer) => ({ buffer, users: 0 }));
		const put = (slab: { buffer: SharedArrayBuffer; users: number }) => {
			if (--slab.users === 0) this.#spare.push(slab.buffer);
		};
		for (const [index, { resolve, reject }] of jobs.entries()) {
			const failure = failures.get(index);
			if (failure) {
				reject(errorOf(failure));
				continue;
			}
			const [place = 0, offset = 0, length = 0] = places.subarray(3 * index, 3 * index + 3);
			const slab = slabs[place]!;
			slab.users++;
			const content = lend(new Uint8Array(slab.buffer, offset, length), () => put(slab));
			resolve({ content, stat: new PackedStat(stats, index), sha256: hashes.slice(64 * index, 64 * index + 64) });
		}
		for (const { buffer, users } of slabs) if (users === 0) this.#spare.push(buffer);
	}

	#fail(error: Error): void {
		this.#failure ??= { error };
		clearTimeout(this.#gathering);
		const sent = this.#sent ? jobsOf(this.#sent) : [];
		this.#sent = undefined;
		const queues = [this.#lists, this.#looks, this.#makes, this.#reads, this.#writes, this.#finishes];
		const waiting = queues.flatMap((queue): Rejectable[] => queue.splice(0));
		for (const { reject } of [...waiting, ...sent]) {
			reject(this.#failure.error);
		}
	}
}

function jobsOf({ lists, looks, makes, reads, writes, finishes }: SentBatch): Rejectable[] {
	return [...lists, ...looks, ...makes, ...reads, ...writes, ...finishes];
}

/** The first jobs of a queue that nobody has given up. */
function take<Asked, Result>(
	queue: Job<Asked, Result>[],
	most = Infinity,
	bytesOf: (asked: Asked) => number = () => 0,
): Job<Asked, Result>[] {
	const taken: Job<Asked, Result>[] = [];
	let bytes = 0;
	let count = 0;
	for (const job of queue) {
		if (taken.length >= most || bytes >= BYTES_IN_BATCH) break;
		count++;
		if (job.signal.aborted) {
			job.reject(cancelled());
			continue;
		}
		taken.push(job);
		bytes += bytesOf(job.asked);
	}
	queue.splice(0, count);
	return taken;
}

function errorOf({ code, message }: Failure): Error {
	return Object.assign(new Error(message), { code });
}
