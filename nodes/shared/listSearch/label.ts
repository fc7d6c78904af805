import { type DamagedManifest, type KnownBackup, NewerManifest } from '../../../engine';
import { KIND_NAMES } from '../descriptions/kinds';
import { isIncremental, partialWords } from '../partial';

import { readableMinute, readableSize } from './size';

/** What verifications found of a backup; undefined where none came to a verdict, or that cannot be read. */
export type VerifiedState = 'passed' | 'failed' | undefined;

const DAMAGED = 'damaged';

/** How lists say that a newer version of this package has made a backup. */
export const NEWER = 'made by a newer version';

/** How a list says what verifications found. */
export const VERIFIED_WORDS = { passed: 'verified', failed: 'verification failed' };

/** An entry of a drop-down, by the moment it is known by, which stands first: long names hide what comes after them. */
export function listLabel(moment: Date, facts: readonly string[]): string {
	return [readableMinute(moment), ...facts].join(' · ');
}

/**
 * A backup in a drop-down: `2026-01-31 02:00 UTC · shop · 3.4 MB · verified · schema only · PostgreSQL`. The kind stands there
 * where the list holds several. A list shows some fifty characters of it: what speaks against the backup stands before the
 * name, `2026-01-31 02:00 UTC · verification failed · shop · 3.4 MB`, and is never cut off.
 * @param copies The backup and its weekly copies; the first is what its id stands for
 */
export function backupLabel(copies: readonly KnownBackup[], withKind: boolean, verified?: VerifiedState): string {
	const [{ manifest, foundSize }] = copies as [KnownBackup];
	const { kind, name, startedAt, size, encryption } = manifest;
	const isWhole = foundSize === size.stored;
	return listLabel(new Date(startedAt), [
		...(isWhole ? [] : [foundSize === undefined ? 'archive missing' : DAMAGED]),
		...(verified === 'failed' ? [VERIFIED_WORDS.failed] : []),
		name,
		readableSize(size.stored),
		...(verified === 'passed' && isWhole ? [VERIFIED_WORDS.passed] : []),
		...(copies.some((copy) => copy.manifest.pinned) ? ['pinned'] : []),
		...partialWords(manifest),
		...(isIncremental(manifest) ? ['incremental'] : []),
		...(encryption ? ['encrypted'] : []),
		...(withKind ? [KIND_NAMES[kind]] : []),
	]);
}

/** What has a manifest that cannot be read: nothing is known of it but its file. */
export function damagedLabel(key: string, { modifiedAt, error }: DamagedManifest): string {
	return listLabel(modifiedAt, [error instanceof NewerManifest ? NEWER : DAMAGED, key]);
}
