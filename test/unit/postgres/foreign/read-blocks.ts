import type { CustomArchive, DataBlock, TocEntry } from '../../../../engine/postgres/foreign/custom';

/** Bytes in pieces of one size. */
export async function* inPieces(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
	for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

/** Bytes that know whether somebody still reads them. */
export function watched(bytes: Uint8Array): AsyncIterable<Uint8Array> & { open: number } {
	return {
		open: 0,
		async *[Symbol.asyncIterator]() {
			this.open++;
			try {
				yield* inPieces(bytes);
			} finally {
				this.open--;
			}
		},
	};
}

/** What a block holds, in a form that compares well: text as latin1. */
export async function readBlock(block: DataBlock): Promise<Record<string, unknown>> {
	const { id } = block.entry;
	if (block.type === 'copy') return { id, statement: block.statement, rows: await collect(block.rows) };
	if (block.type === 'sql') return { id, sql: await collect(block.sql) };
	const objects: [number, string][] = [];
	for await (const { oid, data } of block.objects) objects.push([oid, await collect(data)]);
	return { id, objects };
}

export async function readBlocks(
	archive: CustomArchive,
	wanted?: (entry: TocEntry) => boolean,
): Promise<Record<string, unknown>[]> {
	const blocks: Record<string, unknown>[] = [];
	for await (const block of archive.blocks(wanted)) blocks.push(await readBlock(block));
	return blocks;
}

export async function collect(chunks: AsyncIterable<Buffer>): Promise<string> {
	const pieces: Buffer[] = [];
	for await (const chunk of chunks) pieces.push(Buffer.from(chunk));
	return Buffer.concat(pieces).toString('latin1');
}
