/**
 * What a survey keeps of each member of a tar, in some forty bytes: what it is, what the target has in its place, and salted hashes
 * of its headers and content, by which the second reading is known to bring the same.
 */
import { createHash, type Hash, hash, randomBytes } from 'node:crypto';

import type { EntryFacts, EntryType } from '../../tree';

/** `none` is left out. */
const KINDS = ['none', 'file', 'directory', 'symlink', 'link'] as const;
export type MemberKind = 'none' | EntryType;

const SELECTED = 1;
const SUPERSEDED = 2;
const IN_THE_WAY = 4;
const TO_BE_WRITTEN = 8;

export class MemberRecords {
	readonly #salt = randomBytes(16);
	#kinds = new Uint8Array(1024);
	#flags = new Uint8Array(1024);
	/** Bytes that the tar holds, bytes of the file, and its time. */
	#stored = new Float64Array(1024);
	#sizes = new Float64Array(1024);
	#times = new BigInt64Array(1024);
	#facts = new BigUint64Array(1024);
	#contents = new BigUint64Array(1024);
	#count = 0;

	get count(): number {
		return this.#count;
	}

	/** Answers the ordinal. @param facts undefined for what is left out; `storedSize` bytes of content that the tar holds */
	add(facts: EntryFacts | undefined, storedSize: number): number {
		if (this.#count === this.#kinds.length) this.#grow();
		const ordinal = this.#count++;
		this.#kinds[ordinal] = KINDS.indexOf(facts?.type ?? 'none');
		this.#stored[ordinal] = storedSize;
		this.#sizes[ordinal] = facts?.size ?? 0;
		this.#times[ordinal] = BigInt.asIntN(64, facts?.modified ?? 0n);
		this.#facts[ordinal] = this.#printOf(facts);
		return ordinal;
	}

	kindOf(ordinal: number): MemberKind {
		return KINDS[this.#kinds[ordinal]!]!;
	}

	storedSizeOf(ordinal: number): number {
		return this.#stored[ordinal]!;
	}

	/** What is looked at of a file to tell whether the target has it, under any name. */
	fileOf(ordinal: number, name: string): EntryFacts {
		return { name, type: 'file', size: this.#sizes[ordinal]!, modified: this.#times[ordinal]! };
	}

	/** That a later member has the same name. */
	supersede(ordinal: number): void {
		this.#flags[ordinal]! |= SUPERSEDED;
	}

	/** That it was chosen. */
	select(ordinal: number): void {
		this.#flags[ordinal]! |= SELECTED;
	}

	/** Whether it was chosen, and is the last one of its name. */
	isWanted(ordinal: number): boolean {
		return (this.#flags[ordinal]! & (SELECTED | SUPERSEDED)) === SELECTED;
	}

	isLast(ordinal: number): boolean {
		return (this.#flags[ordinal]! & SUPERSEDED) === 0;
	}

	/** What the target has in its place, as TreeTarget.look says it. */
	place(ordinal: number, found: 'nothing' | 'same' | 'other'): void {
		if (found === 'other') this.#flags[ordinal]! |= IN_THE_WAY;
		if (found === 'nothing') this.#flags[ordinal]! |= TO_BE_WRITTEN;
	}

	isInTheWay(ordinal: number): boolean {
		return (this.#flags[ordinal]! & IN_THE_WAY) !== 0;
	}

	needsRoom(ordinal: number): boolean {
		return (this.#flags[ordinal]! & TO_BE_WRITTEN) !== 0;
	}

	/** Whether a second reading has brought the same headers. */
	hasFacts(ordinal: number, facts: EntryFacts | undefined): boolean {
		return ordinal < this.#count && this.#facts[ordinal] === this.#printOf(facts);
	}

	/** A hash that the content of a member is put into. */
	digest(): Hash {
		return createHash('sha256').update(this.#salt);
	}

	setContent(ordinal: number, digest: Hash): void {
		this.#contents[ordinal] = digest.digest().readBigUInt64LE();
	}

	hasContent(ordinal: number, digest: Hash): boolean {
		return this.#contents[ordinal] === digest.digest().readBigUInt64LE();
	}

	#printOf(facts: EntryFacts | undefined): bigint {
		if (!facts) return 0n;
		// JSON keeps bytes that are no text apart, as escapes.
		const text = JSON.stringify(facts, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
		return hash('sha256', Buffer.concat([this.#salt, Buffer.from(text)]), 'buffer').readBigUInt64LE();
	}

	#grow(): void {
		const length = this.#count * 2;
		this.#kinds = wider(new Uint8Array(length), this.#kinds);
		this.#flags = wider(new Uint8Array(length), this.#flags);
		this.#stored = wider(new Float64Array(length), this.#stored);
		this.#sizes = wider(new Float64Array(length), this.#sizes);
		this.#times = wider(new BigInt64Array(length), this.#times);
		this.#facts = wider(new BigUint64Array(length), this.#facts);
		this.#contents = wider(new BigUint64Array(length), this.#contents);
	}
}

function wider<T extends { set(from: T): void }>(to: T, from: T): T {
	to.set(from);
	return to;
}
