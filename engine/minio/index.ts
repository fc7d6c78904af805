/** Buckets of MinIO and every other S3 server: backup, restore, checks, mirrors. */
export { backUpBuckets, type BackUpBucketsOptions, type BucketsBackup } from './backUpBuckets';
export { checkBuckets, listBuckets, type CheckBucketsOptions } from './checkBuckets';
export { attributesFrom, CONFIGURATION_NAMES, S3Client, type ConfigurationName, type S3Connection } from './client';
export { listSourceBuckets } from './listSources';
export { listPrefixes, type FoundPrefix, type ListPrefixesOptions } from './listPrefixes';
export {
	BucketPlace,
	FolderPlace,
	mirror,
	targetBucket,
	type BucketPlaceOptions,
	type FolderPlaceOptions,
	type MirrorOptions,
	type MirrorReport,
	type Place,
	type RemovalChoices,
	type Tally,
	type TargetBucketOptions,
} from './mirror';
export { assertBucketConfirmed, restoreBucket, type RestoreBucketOptions, type RestoredBucket } from './restoreBucket';
export {
	planBucketRestore,
	type BucketRestorePlan,
	type PlanBucketOptions,
	type TargetBucketState,
} from './planRestore';
export { minioSystem, type MinioScratch } from './verify';
export { isVersionName, keyOfVersion, pathOfVersion, versionIn, type EntryVersion, type Versions } from './versions';
