/** Mirrors: one bucket or folder made to hold what another one holds. */
export { BucketPlace, type BucketPlaceOptions } from './bucketPlace';
export { FolderPlace, type FolderPlaceOptions } from './folderPlace';
export { mirror, type MirrorOptions } from './mirror';
export type { Place } from './place';
export type { RemovalChoices } from './removal';
export type { MirrorReport, Tally } from './report';
export { targetBucket, type TargetBucketOptions } from './targetBucket';
