import { BackupError } from '../../errors';
import { detectKind, looksLikeSql } from '../../postgres/foreign';
import { isTar } from '../../tar';

/** What a file is, told by its first bytes. */
export type Recognised = 'gzip' | 'zstd' | 'openpgp' | 'custom' | 'plain' | 'tar' | 'json';

/** So much of a file is looked at. */
export const HEAD_BYTES = 4096;

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

function isJson(head: Buffer): boolean {
	return /^(?:\xef\xbb\xbf)?\s*(?:\[\s*(?:[{["\]\d-]|true|false|null|$)|\{\s*(?:"|\}|$))/.test(head.toString('latin1'));
}
