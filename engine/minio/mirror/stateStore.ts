/** Reads and writes what a mirror remembers; state.ts tells its form. */
import { createHash, randomUUID } from 'node:crypto';

import { compareNames } from '../../tree';
import type { OwnFiles, Place } from './place';
import { isReserved, STATE_FOLDER } from './reserved';
import { ChunkLines, formatHead, parseHead, recordsIn, type ChunkRef, type StateRecord } from './state';

/** A record, and the chunk that it was read from. */
interface Stored extends StateRecord {
	chunk: number;
}

export class StateStore {
	readonly id: string;
	readonly #files: OwnFiles;
	readonly #folder: string;
	#old: ChunkRef[] = [];
	/** Old chunks that could not be read, or not all of them. */
	readonly #unread = new Set<number>();
	/** Chunks that are final, up to the last name that was put. */
	#done: ChunkRef[] = [];
	/** The old chunk that names are in now; chunks before it are done. */
	#current = 0;
	/** The lines of the chunk that names go into now. */
	readonly #pending = new ChunkLines();
	/** Whether `#pending` differs from the old chunk. */
	#isDirty = false;
	/** Whether anything differs from what the head in the target says. */
	#isChanged = false;
	#lastName: string | undefined;
	/** Nothing was recorded before. */
	isNew = false;
	/** A part of the state could not be read. */
	isDamaged = false;

	constructor(source: Place, target: Place) {
		// The source, and not what of it was chosen: records of names that are not chosen now are kept.
		this.id = createHash('sha256').update(source.identity).digest('hex').slice(0, 16);
		this.#files = target.own;
		this.#folder = `${STATE_FOLDER}${this.id}/`;
	}

	/** To be called first. @throws what the target answers, except that there is nothing yet */
	async open(signal: AbortSignal): Promise<void> {
		const content = await this.#files.read(this.#headName, signal);
		const chunks = content && parseHead(content);
		this.isNew = content === undefined;
		this.#old = chunks ?? [];
		if (content && !chunks) this.isDamaged = this.#isChanged = true;
	}

	/** All records, in order, by chunks. Those of a chunk that is missing or damaged are not known any more. */
	async *records(signal: AbortSignal): AsyncGenerator<Generator<Stored, void>, void, undefined> {
		let before: string | undefined;
		const good = function* (
			records: Iterable<StateRecord>,
			{ after }: ChunkRef,
			chunk: number,
			onBad: () => void,
		): Generator<Stored, void> {
			for (const record of records) {
				if (after !== undefined && compareNames(record.name, after) <= 0) continue;
				const isRepeated = before !== undefined && compareNames(record.name, before) <= 0;
				// No mirror has ever copied these: what stands in the target may be forged.
				if (isRepeated || record.name === '' || isReserved(record.name)) {
					onBad();
					continue;
				}
				before = record.name;
				const { name, size, source, target } = record;
				yield { name, size, source, target, chunk };
			}
		};
		for (const [chunk, ref] of this.#old.entries()) {
			// It is written anew, without what is bad.
			const onBad = () => {
				this.isDamaged = true;
				this.#unread.add(chunk);
			};
			const content = await this.#files.read(this.#folder + ref.key, signal);
			if (content) yield good(await recordsIn(content, onBad), ref, chunk, onBad);
			else onBad();
		}
	}

	/**
	 * Says what is known of a name from now on; to be called for every name that has a record or gets one, in order.
	 * @param old as `records` gave it
	 * @returns what is to be waited for, if anything: for most of what did not change there is nothing
	 */
	put(old: StateRecord | undefined, now: StateRecord | undefined, signal: AbortSignal): Promise<void> | undefined {
		const chunk = (old as Stored | undefined)?.chunk;
		if (chunk === undefined || chunk <= this.#current) return this.#note(old, now, signal);
		return this.#closeUntil(chunk, signal).then(() => this.#note(old, now, signal));
	}

	#note(old: StateRecord | undefined, now: StateRecord | undefined, signal: AbortSignal): Promise<void> | undefined {
		const name = (now ?? old)?.name;
		if (name === undefined) return undefined;
		this.#lastName = name;
		if (!isSame(old, now)) this.#isDirty = true;
		if (now) this.#pending.add(now);
		return this.#pending.isFull && this.#isDirty ? this.checkpoint(signal) : undefined;
	}

	/** Writes all that is known up to here, with what is still to come as it was. */
	async checkpoint(signal: AbortSignal): Promise<void> {
		const after = this.#lastName;
		if (after === undefined || !(this.#isDirty || this.#isChanged)) return;
		await this.#writePending(signal);
		const current = this.#old[this.#current];
		// From here on only what comes after the name is read of the old chunk that the name lies in.
		if (current) this.#old[this.#current] = { key: current.key, after };
		await this.#writeHead([...this.#done, ...this.#old.slice(this.#current)], signal);
	}

	/** After the last name. */
	async finish(signal: AbortSignal): Promise<void> {
		await this.#closeUntil(this.#old.length, signal);
		if (this.#isChanged) await this.#writeHead(this.#done, signal);
	}

	/** Files that no head names any more. */
	async *stale(signal: AbortSignal): AsyncGenerator<string, void, undefined> {
		const named = new Set([this.#headName, ...this.#done.map(({ key }) => this.#folder + key)]);
		for await (const { name } of this.#files.list(this.#folder, signal)) {
			if (!named.has(name)) yield name;
		}
	}

	/** Everything of the chunks before this one was put. */
	async #closeUntil(chunk: number, signal: AbortSignal): Promise<void> {
		const ref = this.#old[this.#current];
		const isUntouched = ref !== undefined && !this.#isDirty && !this.#unread.has(this.#current);
		if (isUntouched && !this.#pending.isEmpty) {
			this.#done.push(ref);
			this.#pending.clear();
		} else if (ref || this.#isDirty) await this.#writePending(signal);
		// Nothing was read of the chunks between: they are left out.
		if (chunk > this.#current + 1) this.#isChanged = true;
		this.#current = chunk;
	}

	async #writePending(signal: AbortSignal): Promise<void> {
		this.#isChanged = true;
		if (!this.#pending.isEmpty) {
			const key = randomUUID();
			await this.#files.write(this.#folder + key, await this.#pending.chunk(), signal);
			this.#done.push({ key });
		}
		this.#pending.clear();
		this.#isDirty = false;
	}

	async #writeHead(chunks: readonly ChunkRef[], signal: AbortSignal): Promise<void> {
		await this.#files.write(this.#headName, formatHead(chunks), signal);
		this.#isChanged = false;
	}

	get #headName(): string {
		return `${this.#folder}head.json`;
	}
}

function isSame(old: StateRecord | undefined, now: StateRecord | undefined): boolean {
	if (!old || !now) return old === now;
	return old.size === now.size && old.source === now.source && old.target === now.target;
}
