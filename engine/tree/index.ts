/**
 * Sets of named entries, such as the files of a folder or the objects of a bucket, in tar archives with an index: whole and
 * incremental. A system brings a source and a target.
 */
export { backUpTree, CHECKPOINT_GIB, type BackUpTreeOptions, type TreeDetails, type TreeProgress } from './backUpTree';
export { checkTree, type CheckedTree } from './check';
export { chooseBase, incrementOf, NO_BASE, type BaseOptions, type ChosenBase } from './chooseBase';
export { MOST_LINKED, type EntryFacts, type EntryType, type TreeEntry } from './entry';
export type { ForbiddenPaths } from './folder';
export { bytesOf, compareNames, nameOf, shownName } from './name';
export { openNeeded } from './needed';
export { readIndex } from './read-index';
export { restoreTree, type RestoredTree, type RestoreTreeOptions } from './restoreTree';
export { Selection, type SelectionChoices } from './selection';
export type { LeftOut, OpenEntry, TreeSource, WholeEntry } from './source';
export { EXISTING, type Existing, type TreeTarget } from './target';
