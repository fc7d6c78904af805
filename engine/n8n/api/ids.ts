import { BackupError } from '../../errors';

/** An id as a part of a path. It may come out of a file, or from a server that lies: it must not lead to another call. @throws BackupError INVALID_INPUT */
export function encodedId(id: string): string {
	if (id === '' || id === '.' || id === '..') throw new BackupError('INVALID_INPUT', `"${id}" is no id of n8n.`);
	return encodeURIComponent(id);
}
