/** Buckets of MinIO and every other S3 server: backup, restore, checks, mirrors. */
export { backUpBuckets, type BackUpBucketsOptions, type BucketsBackup } from './backUpBuckets';
export { checkServer, listBuckets, type CheckedBucket, type CheckServerOptions } from './checkServer';
export { CONFIGURATION_NAMES, S3Client, type ConfigurationName, type S3Connection } from './client';
export {
	BucketPlace,
	FolderPlace,
	mirror,
	type BucketPlaceOptions,
	type FolderPlaceOptions,
	type MirrorOptions,
	type MirrorReport,
	type RemovalChoices,
	type Tally,
} from './mirror';
export { assertBucketConfirmed, restoreBucket, type RestoreBucketOptions, type RestoredBucket } from './restoreBucket';
export { minioSystem, type MinioScratch } from './verify';
