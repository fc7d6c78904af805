/**
 * How one archive of a set is written. Entries come as steps, in order. Each file becomes a member of the tar, and the tar is
 * cut into frames without regard to members: many small files share a frame, a large one has many. Headers and small files
 * are gathered in blocks, for each piece by itself would take longer on its way than to be copied. All that a restore
 * needs is where a file's content begins in the tar, for the manifest says which frame holds that byte. After some thousand
 * entries the index of these follows as a frame of its own, so that nothing that grows with the set is held in memory.
 */
import { createHash } from 'node:crypto';

import { writeFrames, type ArchiveWriter } from '../archive';
import { memberHeader, paddedSize, tarEnd, tarPadding } from '../tar';
import { isLeftOut, NEVER_WHOLE, SMALL_BYTES, TRIES, type Step } from './ahead';
import type { EntryFacts, TreeEntry } from './entry';
import { IndexChunk } from './index-chunk';
import { bytesOf, shownName } from './name';
import { Pack } from './pack';
import type { LeftOut, OpenEntry, TreeSource } from './source';

const ZEROS = Buffer.alloc(64 * 1024);

/** What an archive has become so far. */
export interface Tally {
	/** Entries of the index, by type; `stored` are the files whose content was written now, and `reused` those of before. */
	files: number;
	directories: number;
	symlinks: number;
	links: number;
	stored: number;
	reused: number;
	/** Bytes of all files together. */
	bytes: number;
	/** Bytes of content that the index uses, by the archive that holds it. */
	uses: Map<string, number>;
	leftOut: Names;
	/** Files that changed while they were read. */
	changed: Names;
}

/** Some names of many: as many as a message has room for. */
export interface Names {
	count: number;
	first: string[];
}

const NAMES_KEPT = 20;

function note(names: Names, name: string): void {
	names.count++;
	if (names.first.length < NAMES_KEPT) names.first.push(name);
}

export function newTally(): Tally {
	const counts = { files: 0, directories: 0, symlinks: 0, links: 0, stored: 0, reused: 0, bytes: 0 };
	return { ...counts, uses: new Map(), leftOut: { count: 0, first: [] }, changed: { count: 0, first: [] } };
}

export interface WriteContext {
	source: TreeSource;
	tally: Tally;
	/** After so many bytes of the tar, no entry is begun any more. */
	limit: number;
	signal: AbortSignal;
	onBytes: (bytes: number) => void;
}

/** Writes entries into one archive. */
export class TreeArchive {
	readonly #writer: ArchiveWriter;
	readonly #context: WriteContext;
	readonly #chunk = new IndexChunk();
	readonly #pack = new Pack();
	/** Bytes of the tar so far. */
	#offset = 0;
	#chunks = 0;
	#isOver = false;

	constructor(writer: ArchiveWriter, context: WriteContext) {
		this.#writer = writer;
		this.#context = context;
	}

	/** Writes entries until there are no more, or the archive is large enough. Resolves with whether there are no more. */
	async fill(steps: AsyncIterator<Step>): Promise<boolean> {
		while (!this.#isOver && this.#offset < this.#context.limit) {
			await writeFrames(this.#writer, 'content', this.#members(steps));
			await this.#writeChunk();
		}
		return this.#isOver;
	}

	/** Adds a chunk of the index of an archive that was written before, as it is. It is read before the own ones. */
	async copyChunk(member: Uint8Array): Promise<void> {
		this.#offset += member.length;
		await this.#writer.frame({ type: 'index-before' }, member);
	}

	/** What ends the tar. */
	async end(): Promise<void> {
		await this.#writer.frame({ type: 'end' }, tarEnd());
	}

	async #writeChunk(): Promise<void> {
		if (this.#chunk.isEmpty) return;
		const member = this.#chunk.take(`${this.#writer.id}-${String(++this.#chunks).padStart(6, '0')}.jsonl`);
		this.#offset += member.length;
		await this.#writer.frame({ type: 'index' }, [member], { isGiven: true });
		await this.#writer.drain();
	}

	/** The bytes of members until the index of them is to follow. */
	async *#members(steps: AsyncIterator<Step>): AsyncGenerator<Uint8Array> {
		while (!this.#chunk.isFull && this.#offset < this.#context.limit) {
			const next = await steps.next();
			if (next.done) {
				this.#isOver = true;
				break;
			}
			if (this.#isStreamed(next.value)) {
				yield* this.#pack.takeAll();
				yield* this.#counted(this.#large(next.value.facts));
			} else {
				this.#add(next.value);
				if (this.#pack.hasFull) yield* this.#pack.takeFull();
			}
		}
		yield* this.#pack.takeAll();
	}

	async *#counted(pieces: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
		for await (const piece of pieces) {
			this.#offset += piece.length;
			yield piece;
		}
	}

	/** Whether it is opened now: it is large, or a hard link that does not lead to its content any more. */
	#isStreamed(step: Step): step is Extract<Step, { facts: EntryFacts }> {
		if (step.kind === 'large') return true;
		return (
			step.kind === 'bare' && step.facts.type === 'link' && this.#context.source.isLinkValid?.(step.facts) === false
		);
	}

	/** What needs no waiting. There may be a million of these, so their bytes are gathered. */
	#add(step: Step): void {
		if (step.kind === 'known') return this.#enter(step.entry);
		if (step.kind === 'leftOut') return this.#leaveOut(step.facts, step.reason);
		const header = this.#header(step.facts);
		this.#pack.add(header);
		this.#offset += header.length;
		if (step.kind !== 'small') return this.#enter(step.facts);
		const { facts, content, sha256, changed } = step;
		const offset = this.#offset;
		this.#pack.add(content);
		this.#pack.addZeros(paddedSize(facts.size) - facts.size);
		this.#offset += paddedSize(facts.size);
		this.#store(facts, sha256, offset, changed);
	}

	/** A file that is streamed. Where it changed meanwhile, it is read again into one more member of the same name. */
	async *#large(listed: EntryFacts): AsyncGenerator<Uint8Array> {
		const { source, signal } = this.#context;
		let facts = listed;
		for (let tries = 1; ; tries++) {
			const opened: OpenEntry | LeftOut = await source.open(facts, signal);
			if (isLeftOut(opened)) return this.#leaveOut(facts, opened.leftOut);
			({ facts } = opened);
			try {
				yield this.#header(facts);
				const offset = this.#offset;
				const read = yield* this.#streamed(opened);
				if (facts.size % 512 !== 0) yield tarPadding(facts.size);
				const isWhole = read.isWhole && (await opened.isUnchanged());
				const isWorthAnother = source.isAtomic || facts.size > SMALL_BYTES;
				if (!isWhole && tries < TRIES && isWorthAnother) continue;
				// What was written of it belongs to no entry.
				if (!isWhole && source.isAtomic) return this.#leaveOut(facts, NEVER_WHOLE);
				return this.#store(facts, read.sha256, offset, !isWhole);
			} finally {
				await opened.close();
			}
		}
	}

	/** As many bytes as the header says: what is missing is filled up with zeros, as tar does, and what is too much is left out. */
	async *#streamed({ facts, bytes }: OpenEntry): AsyncGenerator<Uint8Array, { sha256: string; isWhole: boolean }> {
		const digest = createHash('sha256');
		let left = facts.size;
		let isWhole = true;
		for await (const chunk of bytes) {
			// A chunk that is lent goes back only as it is.
			const piece = chunk.length > left ? chunk.subarray(0, left) : chunk;
			if (piece.length < chunk.length) isWhole = false;
			if (piece.length > 0) {
				digest.update(piece);
				left -= piece.length;
				yield piece;
			}
			if (!isWhole) break;
		}
		if (left > 0) isWhole = false;
		for (; left > 0; left -= Math.min(left, ZEROS.length)) {
			const piece = ZEROS.subarray(0, left);
			digest.update(piece);
			yield piece;
		}
		return { sha256: digest.digest('hex'), isWhole };
	}

	#header(facts: EntryFacts): Buffer {
		const { name, type, size, modified, mode, uid = 0, gid = 0, user, group, target, attributes } = facts;
		return memberHeader({
			name: bytesOf(this.#context.source.memberName?.(facts) ?? name),
			type,
			size,
			modified,
			mode: mode ?? (type === 'directory' ? 0o755 : 0o644),
			uid,
			gid,
			user,
			group,
			target: target === undefined ? undefined : bytesOf(target),
			attributes: attributes && extendedAttributes(attributes),
		});
	}

	#store(facts: EntryFacts, sha256: string, offset: number, changed: boolean): void {
		const entry: TreeEntry = { ...facts, sha256, content: { archive: this.#writer.id, offset } };
		if (changed) note(this.#context.tally.changed, this.#titleOf(facts));
		this.#enter(changed ? { ...entry, changed: true } : entry);
	}

	#enter(entry: TreeEntry): void {
		const { tally, onBytes } = this.#context;
		this.#chunk.add(entry);
		if (entry.type === 'directory') tally.directories++;
		else if (entry.type === 'symlink') tally.symlinks++;
		else if (entry.type === 'link') tally.links++;
		else tally.files++;
		tally.bytes += entry.size;
		onBytes(entry.size);
		if (!entry.content) return;
		const { archive } = entry.content;
		if (archive === this.#writer.id) tally.stored++;
		else tally.reused++;
		tally.uses.set(archive, (tally.uses.get(archive) ?? 0) + paddedSize(entry.size));
	}

	#leaveOut(facts: EntryFacts, reason: string): void {
		note(this.#context.tally.leftOut, `${this.#titleOf(facts)} (${reason})`);
	}

	#titleOf(facts: EntryFacts): string {
		return shownName(this.#context.source.titleOf?.(facts) ?? facts.name);
	}
}

/** Attributes that are text, for stock tools; all of them stand in the index. */
function extendedAttributes(attributes: Readonly<Record<string, unknown>>): Record<string, string> {
	const texts = Object.entries(attributes).filter((pair): pair is [string, string] => typeof pair[1] === 'string');
	return Object.fromEntries(texts.map(([key, value]) => [`user.${key}`, value]));
}
