/** Tar archives: a reader that checks all of them as it streams, and the headers of those that we write. */
export { TarDamage } from './fields';
export { isTar } from './header';
export { walkTar, type MemberVisitor, type TarMember, type WalkOptions } from './walk';
export { tarEnd, tarHeader, tarPadding } from './write';
