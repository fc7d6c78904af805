import type { JsonObject } from '../workflow';

const ROWS = 250;
/** n8n takes bodies of 16 MiB (N8N_PAYLOAD_SIZE_MAX), of which a proxy before it may take less. */
const BYTES = 1024 * 1024;

/** Collects rows, and stores them some at once, in their order. */
export class RowBatches {
	#waiting: JsonObject[] = [];
	#bytes = 0;
	#seen = 0;

	/** @param present So many of the first rows are there already. */
	constructor(
		private readonly store: (rows: readonly JsonObject[]) => Promise<void>,
		private readonly present: number,
	) {}

	async add(rows: readonly JsonObject[]): Promise<void> {
		for (const row of rows) {
			if (this.#seen++ < this.present) continue;
			const bytes = Buffer.byteLength(JSON.stringify(row));
			if (this.#waiting.length >= ROWS || this.#bytes + bytes > BYTES) await this.end();
			this.#waiting.push(row);
			this.#bytes += bytes;
		}
	}

	/** Stores what waits. */
	async end(): Promise<void> {
		if (this.#waiting.length === 0) return;
		const rows = this.#waiting;
		this.#waiting = [];
		this.#bytes = 0;
		await this.store(rows);
	}
}
