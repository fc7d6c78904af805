import { opendirSync, statSync, type Dir } from 'node:fs';

import { compareNames, nameOf } from '../../name';

const TRIES = 5;

/**
 * Names in a directory, those of directories with a slash at their end, in the order of names. A file system that does not say
 * what its entries are has Node look at each of them, and of one that was removed meanwhile that answers that nothing is there, just as
 * it does of a directory that is gone. Then the directory is listed anew, as long as it is there: with all else that is in it, it
 * must not pass for one that is gone.
 * @throws what the file system answers; EAGAIN where entries of a directory that is there go away during each try
 */
export function namesIn(path: Buffer, opendir: typeof opendirSync = opendirSync): string[] {
	for (let tries = 1; ; tries++) {
		try {
			// The types know no names that are bytes.
			const directory = opendir(path, { encoding: 'buffer' as 'utf8', bufferSize: 512 });
			return sorted(namesOf(directory));
		} catch (error) {
			const { code } = error as NodeJS.ErrnoException;
			if (code !== 'ENOENT' || !isThere(path)) throw error;
			if (tries < TRIES) continue;
			throw Object.assign(new Error('EAGAIN: its entries change too fast to be listed'), { code: 'EAGAIN' });
		}
	}
}

function namesOf(directory: Dir): string[] {
	const names: string[] = [];
	try {
		for (let entry = directory.readSync(); entry; entry = directory.readSync()) {
			const name = nameOf(entry.name as unknown as Buffer);
			names.push(entry.isDirectory() ? `${name}/` : name);
		}
	} finally {
		directory.closeSync();
	}
	return names;
}

/** The order of UTF-16, which is that of names where there are no surrogates, comes several times as fast. */
function sorted(names: string[]): string[] {
	return names.some((name) => /[\ud800-\udfff]/.test(name)) ? names.sort(compareNames) : names.sort();
}

/** One that was removed while it is held open can still be looked at, and has no name any more. */
function isThere(path: Buffer): boolean {
	return (statSync(path, { throwIfNoEntry: false })?.nlink ?? 0) > 0;
}
