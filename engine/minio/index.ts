/** Buckets of MinIO and every other S3 server: backup, restore, checks. */
export { backUpBuckets, type BackUpBucketsOptions, type BucketsBackup } from './backUpBuckets';
export { checkServer, listBuckets, type CheckedBucket, type CheckServerOptions } from './checkServer';
export { CONFIGURATION_NAMES, type ConfigurationName, type S3Connection } from './client';
export { assertBucketConfirmed, restoreBucket, type RestoreBucketOptions, type RestoredBucket } from './restoreBucket';
export { minioSystem, type MinioScratch } from './verify';
