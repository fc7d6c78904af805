export { backUpCollections, type BackUpCollectionsOptions, type CollectionsBackup } from './backUp/backUpCollections';
export { backUpStorage, type BackUpStorageOptions } from './backUp/backUpStorage';
export { collectionName } from './server/names';
export type { QdrantConnection, QdrantTimeouts } from './client/connection';
export {
	checkQdrant,
	deleteServerSnapshot,
	listAliases,
	listCollections,
	listServerSnapshots,
	type QdrantSummary,
	type ServerSnapshot,
} from './server/lookUp';
export { aliasesAt, byCollection, type NamedReference } from './latestOfAlias';
export { collectionSource, type CollectionSource } from './manifestSource';
export type { CollectionSelection } from './server/select';
export type { AliasChoice } from './restore/aliases';
export type { CheckOptions } from './restore/check';
export {
	assertConfirmed as assertCollectionConfirmed,
	restoreCollection,
	type CollectionRestoreReport,
	type RestoreCollectionOptions,
	type RestoreCollectionTarget,
} from './restore/restoreCollection';
export { planCollectionRestore, type CollectionRestorePlan, type TargetCollection } from './restore/planRestore';
export {
	archiveSource,
	foreignSnapshot,
	remoteSnapshot,
	type ForeignSnapshotOptions,
	type RestoreSource as QdrantRestoreSource,
} from './restore/source';
export { checkQdrantSetup } from './preflight';
export { qdrantSystem, type QdrantScratch } from './verify';
