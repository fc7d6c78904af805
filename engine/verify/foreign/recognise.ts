import { BackupError } from '../../errors';
import { detectKind, looksLikeSql } from '../../postgres/foreign';

/** What a file is, told by its first bytes. */
export type Recognised = 'gzip' | 'zstd' | 'openpgp' | 'custom' | 'plain' | 'tar' | 'json';

/** So much of a file is looked at. */
export const HEAD_BYTES = 4096;

const TAR_BLOCK = 512;
const CHECKSUM = { start: 148, end: 156 };

/**
 * @throws BackupError INVALID_INPUT for what is none of these, with what it seems to be; ARCHIVE_INCOMPLETE for nothing
 */
export function recognise(head: Buffer): Recognised {
	if (isTar(head)) return 'tar';
	if (isJson(head)) return 'json';
	const kind = detectKind(head);
	if (kind !== 'plain') return kind;
	if (looksLikeSql(head)) return kind;
	throw new BackupError('INVALID_INPUT', 'The file is of a form that is not known here.', {
		hint: 'SQL dumps, custom-format dumps, tar archives, snapshots of Qdrant and JSON can be verified, packed or not.',
	});
}

/** By the checksum of the first header, which old tars have, too; the empty tar is zeros. */
export function isTar(head: Buffer): boolean {
	if (head.length < TAR_BLOCK) return false;
	const block = head.subarray(0, TAR_BLOCK);
	if (block.every((byte) => byte === 0)) return true;
	const field = block.toString('latin1', CHECKSUM.start, CHECKSUM.end);
	const stated = /^ *([0-7]+)[ \0]*$/.exec(field)?.[1];
	const isUstar = block.toString('latin1', 257, 262) === 'ustar';
	return isUstar || (stated !== undefined && Number.parseInt(stated, 8) === checksumOf(block));
}

/** The sum of all bytes of a header, those of the checksum itself counted as spaces. */
export function checksumOf(block: Uint8Array): number {
	let sum = 0;
	for (let index = 0; index < TAR_BLOCK; index++) {
		sum += index >= CHECKSUM.start && index < CHECKSUM.end ? 0x20 : block[index]!;
	}
	return sum;
}

function isJson(head: Buffer): boolean {
	return /^(?:\xef\xbb\xbf)?\s*(?:\[\s*(?:[{["\]\d-]|true|false|null|$)|\{\s*(?:"|\}|$))/.test(head.toString('latin1'));
}
