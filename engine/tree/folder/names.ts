/** Which names may be written below a folder. They come from archives that may be hostile. */
import path from 'node:path';

import { BackupError } from '../../errors';
import type { TreeEntry } from '../entry';
import { shownName } from '../name';

/** What ends a path; on Windows also what leads to another folder or drive. */
const OUTSIDE = path.sep === '/' ? /\0/ : /[\0\\:]/;

/** `a/` and `a/b/` of `a/b/c`. */
export function foldersAbove(name: string): string[] {
	const folders: string[] = [];
	for (let at = name.indexOf('/'); at >= 0 && at < name.length - 1; at = name.indexOf('/', at + 1)) {
		folders.push(name.slice(0, at + 1));
	}
	return folders;
}

/** Whether an entry lies below the folder that is restored into, wherever that is, and can be there. @throws BackupError ARCHIVE_CORRUPT */
export function assertRestorable({ name, type, target = '' }: TreeEntry): void {
	assertInside(type === 'directory' ? name.slice(0, -1) : name);
	if (type === 'link') assertInside(target);
	if (type !== 'symlink' || (target !== '' && !target.includes('\0'))) return;
	throw new BackupError(
		'ARCHIVE_CORRUPT',
		`The backup holds the link ${shownName(name)}, which leads to nothing that can be; nothing was written.`,
		{ hint: 'No backup of a folder has such a link. Do not trust this backup.' },
	);
}

/** @throws BackupError ARCHIVE_CORRUPT for a name that is no plain path below the target */
export function assertInside(name: string): void {
	const isPlain = name.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !OUTSIDE.test(part));
	if (isPlain) return;
	throw new BackupError(
		'ARCHIVE_CORRUPT',
		`The backup holds an entry with the name ${shownName(name)}; nothing was written.`,
		{
			hint: 'Such a name could lead out of the folder that is restored into, and no backup of a folder has one. Do not trust this backup.',
		},
	);
}
