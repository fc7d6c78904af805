import { randomInt } from 'node:crypto';

import { NumberTable } from './number-table';
import { TextColumn } from './text-column';

/** A prime (2^31 - 1): hashes are remainders of it. */
const PRIME = 2_147_483_647;
/** Products with such a number stay below 2^53, where numbers are exact. */
const LARGEST_POINT = 2 ** 22;
const LEAST_PLACES = 1024;

/**
 * Keys by number, from 0 in the order in which they were added, outside of V8's heap: a Map of a hundred thousand texts takes twice
 * the memory, and V8 would copy each of them twice. It is a hash table with open addressing. Whoever fills a storage chooses
 * the keys, and must not know which of them meet in one place: the hash is a polynomial of the characters at a secret point.
 */
export class KeyTable {
	readonly #keys = new TextColumn();
	readonly #hashes = new NumberTable(1);
	readonly #point = randomInt(LARGEST_POINT / 2, LARGEST_POINT);
	/** Numbers of keys, and one more: 0 is a free place. At least half of them are free. */
	#places = new Uint32Array(LEAST_PLACES);

	get size(): number {
		return this.#keys.size;
	}

	keyAt(number: number): string {
		return this.#keys.at(number);
	}

	/** Undefined where it was not added. */
	find(key: string): number | undefined {
		const found = this.#places[this.#placeOf(key, this.#hashOf(key))]!;
		return found === 0 ? undefined : found - 1;
	}

	/** The number of the key, which is added where it was not yet. */
	add(key: string): number {
		const hash = this.#hashOf(key);
		const place = this.#placeOf(key, hash);
		const found = this.#places[place]!;
		if (found > 0) return found - 1;
		const number = this.#keys.add(key);
		this.#hashes.set(number, 0, hash);
		this.#places[place] = number + 1;
		if (this.size * 2 > this.#places.length) this.#grow();
		return number;
	}

	/** Where the key is, or would be. */
	#placeOf(key: string, hash: number): number {
		let place = hash % this.#places.length;
		for (let found = this.#places[place]!; found > 0; found = this.#places[place]!) {
			if (this.#hashes.get(found - 1, 0) === hash && this.#keys.isAt(found - 1, key)) break;
			place = (place + 1) % this.#places.length;
		}
		return place;
	}

	#grow(): void {
		const places = new Uint32Array(this.#places.length * 2);
		for (let number = 0; number < this.size; number++) {
			let place = this.#hashes.get(number, 0)! % places.length;
			while (places[place]! > 0) place = (place + 1) % places.length;
			places[place] = number + 1;
		}
		this.#places = places;
	}

	#hashOf(key: string): number {
		let hash = 1;
		for (let at = 0; at < key.length; at++) hash = (hash * this.#point + key.charCodeAt(at)) % PRIME;
		return hash;
	}
}
