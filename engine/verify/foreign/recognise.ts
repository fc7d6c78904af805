import { detectFormat } from '../../postgres/foreign';
import { isTar } from '../../tar';

/** What a file is, told by its first bytes. */
export type Recognised = 'custom' | 'plain' | 'tar' | 'json';

/** @throws BackupError INVALID_INPUT for what is none of these, with what it seems to be */
export function recognise(head: Buffer): Recognised {
	if (isTar(head)) return 'tar';
	return isJson(head) ? 'json' : detectFormat(head);
}

function isJson(head: Buffer): boolean {
	return /^(?:\xef\xbb\xbf)?\s*(?:\[\s*(?:[{["\]\d-]|true|false|null|$)|\{\s*(?:"|\}|$))/.test(head.toString('latin1'));
}
