/** A folder as a place of a set: listed in the order of names, and written to without a way out of it. */
export { Disk, type FileStat } from './disk/disk';
export { ExactNames } from './exact';
export { assertNotForbidden, isForbidden, type ForbiddenPaths } from './forbidden';
export { hashOf } from './hash';
export { HeldFolders } from './held';
export { folderOf } from './held-folder';
export { assertRestorable } from './names';
export { isPartial, isStalePartial } from './partial';
export { isStill, readState, stateOf } from './state';
export { FilesTarget, type FilesTargetOptions } from './target';
export { pathOf } from './path';
export { nameOnly } from './publish';
export { noRoom, targetError } from './target-errors';
export { isErrno, isGone, walk, walkOn, type Walked, type WalkOptions } from './walk';
export { Chunks, Hole } from './write-content';
