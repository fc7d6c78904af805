/**
 * What the objects of a bucket are called in a tar, where their keys may not be the names of files. S3 allows any text as a key: with
 * a slash at the beginning, with `..` or nothing between two slashes, longer than a file system takes, and a key below another one
 * (`a` beside `a/b`), which would have to be a file and a folder at once. Such an object has a name of its own in the tar, made of
 * the hash of its key, so that stock tools unpack all of it; the index has the real key.
 */
import { createHash } from 'node:crypto';

/** The folder of such objects among the members of the tar. */
export const ODD_KEYS_FOLDER = '.stack-backup-objects';

/** What a file system takes in one part of a path, in bytes (ext4, XFS, APFS). */
const LONGEST_PART = 255;

/** Gives names to keys that come in order. */
export class MemberNames {
	/** Keys that the key at hand begins with, the shortest first: in the order of keys, what begins with a key follows it. */
	readonly #beginnings: string[] = [];

	/** @param key each once, in the order of compareNames */
	nameOf(key: string): string {
		while (this.#beginnings.length > 0 && !key.startsWith(this.#beginnings.at(-1)!)) this.#beginnings.pop();
		const isBelowObject = this.#beginnings.some((beginning) => key.startsWith(`${beginning}/`));
		// One that has a name of its own is in nobody's way.
		const isOdd = isBelowObject || !isPath(key);
		if (!isOdd) this.#beginnings.push(key);
		return isOdd ? oddName(key) : key;
	}
}

/** `printf %s "$key" | sha256sum` gives the same. */
export function oddName(key: string): string {
	return `${ODD_KEYS_FOLDER}/${createHash('sha256').update(key).digest('hex')}`;
}

/** Whether a file can have a key as its name. */
export function isPath(key: string): boolean {
	if (key.startsWith('.stack-backup-') || key.includes('\0')) return false;
	return key.split('/').every((part) => {
		return part !== '' && part !== '.' && part !== '..' && Buffer.byteLength(part) <= LONGEST_PART;
	});
}
