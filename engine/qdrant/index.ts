export { backUpCollections, type BackUpCollectionsOptions, type CollectionsBackup } from './backUpCollections';
export { backUpStorage, type BackUpStorageOptions } from './backUpStorage';
export { collectionName } from './collectionName';
export type { QdrantConnection, QdrantTimeouts } from './connection';
export {
	checkQdrant,
	deleteServerSnapshot,
	listAliases,
	listCollections,
	listServerSnapshots,
	type QdrantSummary,
	type ServerSnapshot,
} from './lookUp';
export { collectionSource, type CollectionSource } from './manifestSource';
export type { CollectionSelection } from './select';
export type { AliasChoice } from './restore/aliases';
export type { CheckOptions } from './restore/check';
export {
	assertConfirmed as assertCollectionConfirmed,
	restoreCollection,
	type CollectionRestoreReport,
	type RestoreCollectionOptions,
	type RestoreCollectionTarget,
} from './restore/restoreCollection';
export {
	archiveSource,
	foreignSnapshot,
	remoteSnapshot,
	type ForeignSnapshotOptions,
	type RestoreSource as QdrantRestoreSource,
} from './restore/source';
