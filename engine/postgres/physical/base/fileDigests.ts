import { createHash } from 'node:crypto';

/** What is compared of a file. */
export interface FileFacts {
	path: string;
	size: number;
	/** Hexadecimal. */
	checksum: string;
}

/** Files that are named where they differ. */
const NAMED = 5;
const FIRST_CAPACITY = 4096;

/**
 * Compares the files that have come with those that a manifest names, which comes after them. Of each only a digest of path, size and
 * checksum is kept, 8 bytes: a cluster may have a million files. Two that are alike by chance would be found in neither of 10^12 backups.
 */
export class FileDigests {
	/** The first files of the manifest that have not come, or otherwise than it says. */
	readonly differing: string[] = [];
	#came = new BigUint64Array(FIRST_CAPACITY);
	#count = 0;
	#isSorted = false;
	/** How often each digest was named; see `#came`. */
	#named = new Uint8Array(0);
	#lacking = 0;

	/** A file has come. */
	add(file: FileFacts): void {
		if (this.#count === this.#came.length) {
			const larger = new BigUint64Array(2 * this.#count);
			larger.set(this.#came);
			this.#came = larger;
		}
		this.#came[this.#count++] = digestOf(file);
	}

	/** The manifest names a file; all have come by then. */
	name(file: FileFacts): void {
		if (!this.#isSorted) this.#sort();
		const at = this.#find(digestOf(file));
		if (at !== undefined && this.#named[at] === 0) this.#named[at] = 1;
		else if (++this.#lacking <= NAMED) this.differing.push(file.path);
	}

	/** How many files differ, or stand on one side alone. */
	get differences(): number {
		const unnamed = this.#count - this.#named.reduce((sum, one) => sum + one, 0);
		return Math.max(this.#lacking, unnamed);
	}

	#sort(): void {
		this.#came = this.#came.subarray(0, this.#count).sort();
		this.#named = new Uint8Array(this.#count);
		this.#isSorted = true;
	}

	#find(digest: bigint): number | undefined {
		let low = 0;
		let high = this.#count;
		while (low < high) {
			const middle = (low + high) >>> 1;
			if (this.#came[middle]! < digest) low = middle + 1;
			else high = middle;
		}
		return this.#came[low] === digest && low < this.#count ? low : undefined;
	}
}

function digestOf({ path, size, checksum }: FileFacts): bigint {
	return createHash('sha256').update(`${size} ${checksum} ${path}`).digest().readBigUInt64LE();
}
