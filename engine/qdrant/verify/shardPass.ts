import type { ArchiveReader, ReadPartResult } from '../../archive';
import type { RestoreSource } from '../restore/source';

/**
 * Reads the shards of an archive that cannot be read by ranges, an older encrypted one, in one pass. It is decrypted from its
 * beginning, so reading each shard by itself would read what lies before it once for every shard. A restore asks for the shards
 * one after the other in the order of the archive. Between two of them the pass stays open and goes on where it was. For a shard
 * that lies before that place (it is sent to a second replica), a new pass begins.
 */
export class ShardPass {
	#parts: AsyncGenerator<ReadPartResult, void, undefined> | undefined;
	/** Index of the part that the open pass comes to next. */
	#at = 0;

	constructor(private readonly reader: ArchiveReader) {}

	/** The source with its shards read by this pass. Archives that are read by ranges need none. */
	over(source: RestoreSource): RestoreSource {
		if (this.reader.readsByRanges) return source;
		const pieces = source.pieces.map((piece) => {
			const { shard } = piece;
			return shard === undefined ? piece : { ...piece, open: (signal?: AbortSignal) => this.#shard(shard, signal) };
		});
		return { ...source, pieces };
	}

	/** Ends the open pass, and with it the read of the storage. */
	async close(): Promise<void> {
		const parts = this.#parts;
		this.#parts = undefined;
		await parts?.return();
	}

	async *#shard(id: number, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
		const { parts } = this.reader.manifest;
		const type = `shard-${id}`;
		const first = parts.findIndex((part) => part.type === type);
		const last = parts.findLastIndex((part) => part.type === type);
		if (first < 0) return;
		if (!this.#parts || first < this.#at) {
			await this.close();
			this.#at = 0;
			this.#parts = this.reader.parts((part) => part.type.startsWith('shard-'), signal);
		}
		let isWhole = false;
		try {
			while (this.#at <= last) {
				const next = await this.#parts.next();
				if (next.done) break;
				const { index, raw } = next.value;
				this.#at = index + 1;
				if (index < first) continue;
				if (Buffer.isBuffer(raw)) yield raw;
				else for await (const chunk of raw) yield chunk as Uint8Array;
			}
			isWhole = true;
		} finally {
			// A reader that left early would begin the shard again, so the pass cannot go on.
			if (!isWhole || this.#at >= parts.length) await this.close();
		}
	}
}
