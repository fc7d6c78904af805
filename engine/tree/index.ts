/**
 * Sets of named entries, such as the files of a folder or the objects of a bucket, in tar archives with an index: whole and
 * incremental. A system brings a source and a target.
 */
export { backUpTree, CHECKPOINT_GIB, type BackUpTreeOptions, type TreeDetails, type TreeProgress } from './backUpTree';
export { checkTree, type CheckedTree } from './check';
export {
	baseFor,
	chooseBase,
	incrementOf,
	NO_BASE,
	type BaseOptions,
	type ChosenBase,
	type IncrementalChoices,
} from './chooseBase';
export { assertBackupOf } from './kind';
export { MOST_LINKED, type EntryFacts, type EntryType, type TreeEntry } from './entry';
export type { ForbiddenPaths } from './folder';
export { bytesOf, compareNames, nameOf, shownName } from './name';
export { openNeeded } from './needed';
export { readIndex } from './read-index';
export { NAMES_TOLD, Placement, type RestoredTree } from './placement';
export { ContentReader, WantedFrames } from './content';
export type { StoredFile } from './compare';
export { beyondEnd, entriesExist, nothingSelected } from './restore-errors';
export { planTree, restoreTree, type RestoreTreeOptions } from './restoreTree';
export { Selection, type EntrySelection, type SelectionChoices } from './selection';
export type { LeftOut, OpenEntry, TreeSource, WholeEntry } from './source';
export { EXISTING, type Existing, type TreeTarget } from './target';
