/** Tar archives: a reader that checks all of them as it streams, and the headers of those that we write. */
export { paddedSize, TarDamage } from './fields';
export { isTar } from './header';
export { memberHeader, type MemberFacts } from './member';
export { parseMember, walkTar, type MemberVisitor, type TarMember, type WalkOptions } from './walk';
export { tarEnd, tarHeader, tarPadding } from './write';
