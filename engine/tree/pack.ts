import { giveBack, lend } from '../storage/lent';

const BLOCK_BYTES = 256 * 1024;
const MOST_SPARE = 16;

/** Puts small pieces one behind the other into blocks, which are lent (storage/lent.ts): each piece alone would take longer on its way. */
export class Pack {
	#block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
	#used = 0;
	#full: Uint8Array[] = [];
	readonly #spare: Buffer<ArrayBuffer>[] = [];

	/** Copies a piece. Blocks that are full are to be taken before many more are added. */
	add(piece: Uint8Array): void {
		for (let at = 0; at < piece.length;) {
			const part = piece.subarray(at, at + BLOCK_BYTES - this.#used);
			this.#block.set(part, this.#used);
			this.#used += part.length;
			at += part.length;
			if (this.#used === BLOCK_BYTES) this.#close();
		}
		giveBack(piece);
	}

	/** Adds zeros, fewer than fill a block. */
	addZeros(length: number): void {
		const here = Math.min(length, BLOCK_BYTES - this.#used);
		this.#block.fill(0, this.#used, (this.#used += here));
		if (this.#used === BLOCK_BYTES) this.#close();
		if (here < length) this.addZeros(length - here);
	}

	/** Whether there are blocks to be taken. */
	get hasFull(): boolean {
		return this.#full.length > 0;
	}

	takeFull(): Uint8Array[] {
		return this.#full.splice(0);
	}

	/** All that was added, the last block as far as it goes. */
	takeAll(): Uint8Array[] {
		if (this.#used > 0) this.#close();
		return this.takeFull();
	}

	#close(): void {
		const block = this.#block;
		const bytes = block.subarray(0, this.#used);
		this.#full.push(
			lend(bytes, () => {
				if (this.#spare.length < MOST_SPARE) this.#spare.push(block);
			}),
		);
		this.#block = this.#spare.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
		this.#used = 0;
	}
}
