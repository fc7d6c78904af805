/**
 * Which member of a tar is the last one of its name, for a million of them: a hash table of numbers alone. A name stands there as 96
 * bits of a hash that is salted anew for each table, so that nobody can choose names that get into each other's way.
 */
import { hash, randomBytes } from 'node:crypto';

/** Hash (three words), then the ordinal plus one, and the mark in the highest bit. */
const WORDS = 4;
const MARK = 0x8000_0000;
const ORDINAL = 0x7fff_ffff;
const SMALLEST = 1024;

export class NameTable {
	readonly #salt = randomBytes(16);
	#slots = new Uint32Array(SMALLEST * WORDS);
	#count = 0;

	/** Names, those included that were only marked. */
	get size(): number {
		return this.#count;
	}

	/** The last ordinal that was noted for a name; undefined where none was. */
	ordinalOf(name: string): number | undefined {
		return ordinalIn(this.#slots[this.#slotOf(name) + 3]!);
	}

	/** Answers the ordinal that was noted before. */
	note(name: string, ordinal: number): number | undefined {
		const at = this.#slotOf(name) + 3;
		const before = ordinalIn(this.#slots[at]!);
		this.#slots[at] = ((this.#slots[at]! & MARK) | (ordinal + 1)) >>> 0;
		return before;
	}

	/** Marks a name, which may be noted before or later. Answers whether it was not marked yet. */
	mark(name: string): boolean {
		const at = this.#slotOf(name) + 3;
		const isNew = (this.#slots[at]! & MARK) === 0;
		this.#slots[at] = (this.#slots[at]! | MARK) >>> 0;
		return isNew;
	}

	/** The ordinals of names that were marked and noted, in no order. */
	*marked(): Generator<number> {
		for (let at = 3; at < this.#slots.length; at += WORDS) {
			const ordinal = ordinalIn(this.#slots[at]!);
			if ((this.#slots[at]! & MARK) !== 0 && ordinal !== undefined) yield ordinal;
		}
	}

	/** Where the name stands; its place is taken where it has none yet. */
	#slotOf(name: string): number {
		// In UTF-16, for a name may hold bytes that are no text.
		const digest = hash('sha256', Buffer.concat([this.#salt, Buffer.from(name, 'utf16le')]), 'buffer');
		// An empty slot is zeros.
		const words = [digest.readUInt32LE(0) | 1, digest.readUInt32LE(4), digest.readUInt32LE(8)].map(
			(word) => word >>> 0,
		);
		const at = find(this.#slots, words);
		if (this.#slots[at] !== 0) return at;
		this.#slots.set(words, at);
		this.#count++;
		if (this.#count * WORDS * 3 < this.#slots.length * 2) return at;
		this.#grow();
		return find(this.#slots, words);
	}

	#grow(): void {
		const before = this.#slots;
		this.#slots = new Uint32Array(before.length * 2);
		for (let at = 0; at < before.length; at += WORDS) {
			if (before[at] === 0) continue;
			const slot = before.subarray(at, at + WORDS);
			this.#slots.set(slot, find(this.#slots, slot));
		}
	}
}

function ordinalIn(word: number): number | undefined {
	const stored = word & ORDINAL;
	return stored === 0 ? undefined : stored - 1;
}

function find(slots: Uint32Array, words: ArrayLike<number>): number {
	const mask = slots.length / WORDS - 1;
	for (let index = words[1]! & mask; ; index = (index + 1) & mask) {
		const at = index * WORDS;
		const isSame = slots[at] === words[0] && slots[at + 1] === words[1] && slots[at + 2] === words[2];
		if (isSame || slots[at] === 0) return at;
	}
}
