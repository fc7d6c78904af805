import { NumberTable } from './number-table';

const LEAST_BYTES = 64 * 1024;

/** Texts by number, from 0 in the order in which they were added, outside of V8's heap. Half a character (a lone surrogate) becomes U+FFFD. */
export class TextColumn {
	#bytes = Buffer.allocUnsafe(LEAST_BYTES);
	/** Where each text ends. */
	readonly #ends = new NumberTable(1);
	#size = 0;

	get size(): number {
		return this.#size;
	}

	/** @returns its number */
	add(text: string): number {
		const start = this.#startOf(this.#size);
		const end = start + Buffer.byteLength(text);
		if (end > this.#bytes.length) {
			const grown = Buffer.allocUnsafe(Math.max(end, this.#bytes.length * 2));
			this.#bytes.copy(grown, 0, 0, start);
			this.#bytes = grown;
		}
		this.#bytes.write(text, start);
		this.#ends.set(this.#size, 0, end);
		return this.#size++;
	}

	at(number: number): string {
		return this.#bytes.toString('utf8', this.#startOf(number), this.#ends.get(number, 0));
	}

	/** Whether it is the text of that number. */
	isAt(number: number, text: string): boolean {
		return this.at(number) === text;
	}

	#startOf(number: number): number {
		return number === 0 ? 0 : this.#ends.get(number - 1, 0)!;
	}
}
