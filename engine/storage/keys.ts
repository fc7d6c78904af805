import { BackupError } from '../errors';
import type { RemovalFailure } from './storage';

/** Ends the name of a `latest` pointer; no object may have such a name, and no listing shows one. */
export const POINTER_SUFFIX = '_latest';

/** Ends the name of a file that is still being written. */
export const PARTIAL_SUFFIX = '.partial';

/** S3's limit, in bytes of UTF-8. */
export const MAX_KEY_BYTES = 1024;

/** True for the key of a `latest` pointer. */
export function isPointerKey(key: string): boolean {
	return key.endsWith(POINTER_SUFFIX);
}

/**
 * Checks that a key names an object inside the storage's root and nothing that the storage keeps for itself.
 * @throws BackupError INVALID_INPUT
 */
export function assertObjectKey(key: string): void {
	assertKey(key);
	if (isPointerKey(key)) {
		throw invalidKey(key, `names that end in ${POINTER_SUFFIX} are kept for pointers to the latest backup`);
	}
}

/** True for what `assertObjectKey` lets pass: listings leave out everything else. */
export function isObjectKey(key: string): boolean {
	return keyProblem(key) === undefined && !isPointerKey(key);
}

/**
 * Checks a key of either sort: an object's or a pointer's.
 * @throws BackupError INVALID_INPUT
 */
export function assertKey(key: string): void {
	const problem = keyProblem(key);
	if (problem !== undefined) throw invalidKey(key, problem);
}

/** Parts keys of either sort into those that are allowed, each of them once, and the failures of the others. */
export function partKeys(keys: readonly string[]): { allowed: string[]; failures: RemovalFailure[] } {
	const allowed: string[] = [];
	const failures: RemovalFailure[] = [];
	for (const key of new Set(keys)) {
		const problem = keyProblem(key);
		if (problem === undefined) allowed.push(key);
		else failures.push({ key, error: invalidKey(key, problem) });
	}
	return { allowed, failures };
}

/**
 * Checks the beginning of a key, as given to `list`: it may stop anywhere, so its last segment may be empty.
 * @throws BackupError INVALID_INPUT
 */
export function assertPrefix(prefix: string): void {
	const segments = prefix.split('/');
	if (segments.at(-1) === '') segments.pop();
	const problem = segmentsProblem(prefix, segments);
	if (problem !== undefined) throw invalidKey(prefix, problem);
}

/**
 * Checks a pointer and its target: the pointer's name ends in `_latest`, and the target stands in the same folder.
 * @throws BackupError INVALID_INPUT
 */
export function assertPointer(pointerKey: string, targetKey: string): void {
	assertPointerKey(pointerKey);
	assertObjectKey(targetKey);
	if (folderOf(pointerKey) !== folderOf(targetKey)) {
		throw invalidKey(pointerKey, `a pointer must stand in the folder of what it points at (${targetKey})`);
	}
}

/** @throws BackupError INVALID_INPUT where the key cannot be a pointer's */
export function assertPointerKey(key: string): void {
	assertKey(key);
	if (!isPointerKey(key)) throw invalidKey(key, `the name of a pointer ends in ${POINTER_SUFFIX}`);
}

/** The key's folder with its slash, `postgres/`, or the empty string. */
export function folderOf(key: string): string {
	return key.slice(0, key.lastIndexOf('/') + 1);
}

/** Whether a key lies between two others, in the order of their bytes; of a folder with its slash, whether something in it may. */
export function mayLieBetween(key: string, { after, before }: { after?: string; before?: string }): boolean {
	const isFolder = key.endsWith('/');
	const isAfter = after === undefined || (isFolder && after.startsWith(key)) || isBehind(key, after);
	return isAfter && (before === undefined || isBehind(before, key));
}

/** Whether a key comes after another one in the order of their bytes. */
export function isBehind(key: string, other: string): boolean {
	return Buffer.compare(Buffer.from(key), Buffer.from(other)) > 0;
}

/** The key's last segment. */
export function nameOf(key: string): string {
	return key.slice(key.lastIndexOf('/') + 1);
}

/** What is wrong with a key, as the end of a sentence. */
function keyProblem(key: string): string | undefined {
	if (key === '') return 'it is empty';
	if (key.endsWith(PARTIAL_SUFFIX)) return `names that end in ${PARTIAL_SUFFIX} are kept for unfinished writes`;
	return segmentsProblem(key, key.split('/'));
}

function segmentsProblem(key: string, segments: string[]): string | undefined {
	if (key.includes('\0')) return 'it holds a NUL character';
	if (key.includes('\\')) return 'it holds a backslash; folders are separated by /';
	if (/\p{Surrogate}/u.test(key)) return 'it is not valid Unicode';
	if (Buffer.byteLength(key) > MAX_KEY_BYTES) return `it is longer than ${MAX_KEY_BYTES} bytes`;
	for (const segment of segments) {
		if (segment === '') return 'it holds an empty folder name, or begins or ends with /';
		if (segment === '.' || segment === '..') return `it holds ${segment} as a folder name`;
	}
	return undefined;
}

function invalidKey(key: string, reason: string): BackupError {
	return new BackupError('INVALID_INPUT', `The name ${JSON.stringify(key)} is not allowed in a storage: ${reason}.`, {
		hint: 'Use a relative name with forward slashes, such as postgres/shop_20260131_020000.sql.zst.',
	});
}
