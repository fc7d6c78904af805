/**
 * A second copy of what a storage holds, in another one. Invariants, each with its test in test/integration/copy:
 *  1. What the target lists as a backup is, to the byte, what the source held, with all archives that it needs.
 *  2. A copy that fails, is cancelled or is killed leaves no manifest of what is not whole.
 *  3. Nothing that stands in the target is overwritten or deleted, and nothing at all is changed in the source.
 *  4. Nothing that the source says names anything outside the target, or makes it hold more bytes than a manifest states.
 */
export {
	copyBackups,
	type CopyOptions,
	type CopyOutcome,
	type CopyProgress,
	type CopyReport,
	type CopyRow,
} from './copy';
export type { CopyFilters, UnreadableBackup, WhichBackups } from './choose';
export { compareStorages, type CompareStoragesOptions, type CompareOutcome, type CompareRow } from './compare';
