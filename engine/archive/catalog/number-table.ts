/** Rows that are added together; a table of few takes no more than these. */
const BLOCK = 1024;

/** A table of numbers that grows by rows, outside of V8's heap. A place where nothing was set is undefined. */
export class NumberTable {
	readonly #blocks: Float64Array[] = [];

	constructor(private readonly columns: number) {}

	/** NaN counts as nothing. */
	set(row: number, column: number, value: number): void {
		const place = Math.floor(row / BLOCK);
		while (place >= this.#blocks.length) this.#blocks.push(new Float64Array(BLOCK * this.columns).fill(NaN));
		this.#blocks[place]![(row % BLOCK) * this.columns + column] = value;
	}

	get(row: number, column: number): number | undefined {
		const value = this.#blocks[Math.floor(row / BLOCK)]?.[(row % BLOCK) * this.columns + column];
		return value === undefined || Number.isNaN(value) ? undefined : value;
	}
}
