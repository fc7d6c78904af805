export { checkSnapshot, type CheckSnapshotOptions, type SnapshotReport, type SnapshotType } from './check';
export type { CollectionContent } from './collection';
export type { SnapshotFinding } from './findings';
export type { ShardContent } from './shard';
