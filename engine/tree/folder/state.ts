/**
 * By what a file is known to be the same as at the backup before: its times and its inode. That is not enough for one that was
 * changed right before it was read: a change that follows within the same tick of the file system's clock leaves it the same times,
 * and maybe the same size, and the next backup would take it for unchanged. So what was too new when it was read is marked, and
 * is read again the next time. Git calls such files racily clean, and does the same (https://git-scm.com/docs/racy-git).
 */
export interface FileTimes {
	mtimeNs: bigint;
	ctimeNs: bigint;
	ino: bigint;
}

/** Ends the state of a file that was too new: no file has such a state when it is listed. */
const TOO_NEW = '?';
/** Milliseconds: more than a tick, for the file system may have another clock than we. */
const TICK_MS = 100;
/** Where times have whole seconds; on FAT, every second one. */
const COARSE_TICK_MS = 3000;
const SECOND_NS = 1_000_000_000n;

/** The state of a file as it is listed. */
export function stateOf({ mtimeNs, ctimeNs, ino }: FileTimes): string {
	return `${mtimeNs}-${ctimeNs}-${ino}`;
}

/** Of a file as it is stored. @param readFrom when its reading began, in milliseconds since 1970 */
export function readState(file: FileTimes, readFrom: number): string {
	const { mtimeNs, ctimeNs } = file;
	const isCoarse = mtimeNs % SECOND_NS === 0n && ctimeNs % SECOND_NS === 0n;
	const isTooNew = Number(ctimeNs / 1_000_000n) > readFrom - (isCoarse ? COARSE_TICK_MS : TICK_MS);
	return `${stateOf(file)}${isTooNew ? TOO_NEW : ''}`;
}

/** Whether a file is as it was a moment ago, when it was listed or read. */
export function isStill(file: FileTimes, state: string | undefined): boolean {
	return state?.replace(TOO_NEW, '') === stateOf(file);
}
