/**
 * Files of an incremental backup that hold only the blocks that have changed, `INCREMENTAL.<name>`: a magic number, how many blocks
 * follow, to how many blocks the file of the backup before is to be cut, the numbers of the blocks (all of them unsigned, 32 bits,
 * little-endian); zeros up to a whole block where there are blocks; then the blocks. Source: GetIncrementalHeaderSize and
 * sendFile of PostgreSQL's basebackup_incremental.c and basebackup.c, make_incremental_rfile of its pg_combinebackup.
 */

const MAGIC = 0xd3ae_1f0d;
/** Bytes in front of the numbers of the blocks. */
export const INCREMENTAL_HEAD_BYTES = 12;

export interface IncrementalHead {
	/** How many blocks it holds. */
	blocks: number;
	/** Blocks that the file of the backup before keeps at most. */
	truncationBlock: number;
	/** Bytes in front of the first block. */
	headerBytes: number;
}

/**
 * Reads the first 12 bytes.
 * @param segmentBlocks blocks that a file has at most
 * @returns undefined where this is no such file
 */
export function readIncrementalHead(
	bytes: Uint8Array,
	blockBytes: number,
	segmentBlocks: number,
): IncrementalHead | undefined {
	const view = new DataView(bytes.buffer, bytes.byteOffset, INCREMENTAL_HEAD_BYTES);
	const [magic, blocks, truncationBlock] = [0, 4, 8].map((at) => view.getUint32(at, true)) as [number, number, number];
	if (magic !== MAGIC || blocks > segmentBlocks || truncationBlock > segmentBlocks) return undefined;
	const numbered = INCREMENTAL_HEAD_BYTES + 4 * blocks;
	const headerBytes = blocks === 0 ? numbered : Math.ceil(numbered / blockBytes) * blockBytes;
	return { blocks, truncationBlock, headerBytes };
}
