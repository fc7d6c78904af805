import { pageHash } from '../checksum';

/**
 * The checksum of a data page: 32 FNV-1a hashes side by side over its words, each with a shift that mixes the upper bits down, put
 * together by XOR (algorithm of PostgreSQL's checksum_impl.h, which its documentation tells of under "Data Checksums").
 * @param page its own field for the checksum counts as zero
 * @param block number of the page within its relation
 */
export function pageChecksum(page: Uint8Array, block: number): number {
	return (((pageHash(page) ^ block) >>> 0) % 65_535) + 1;
}
