/** Names that belong to mirrors themselves: never mirrored, never counted, never removed as extra objects. */

/** What mirrors remember, in the target. */
export const STATE_FOLDER = '.stack-backup-mirror/';
/** Where removed objects wait. */
export const TRASH_FOLDER = '.stack-backup-trash/';

/**
 * Whether a key is of what a mirror remembers. It speaks of objects as they are in its target, with their times there, so it is of no
 * use to those that a backup brings back.
 */
export function isMirrorState(key: string): boolean {
	return key.startsWith(STATE_FOLDER) || key.includes(`/${STATE_FOLDER}`);
}

/** At any depth: a mirror's target may be a part of what another mirror reads. */
export function isReserved(name: string): boolean {
	return /(?:^|\/)\.stack-backup-(?:mirror|trash)\//.test(name);
}
