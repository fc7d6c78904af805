/** A folder as a place of a set: listed in the order of names, and written to without a way out of it. */
export { assertNotForbidden, isForbidden, type ForbiddenPaths } from './forbidden';
export { hashOf } from './hash';
export { assertRestorable } from './names';
export { FilesTarget, type FilesTargetOptions } from './target';
export { isErrno, isGone, pathOf, walk, type Walked, type WalkOptions } from './walk';
