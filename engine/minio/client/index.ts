/** S3 servers whose buckets are backed up, restored and mirrored. */
export { attributesFrom, attributesIn, headersOf, type ObjectAttributes } from './attributes';
export { Bucket, type OpenedObject, type OpenOptions } from './bucket';
export type { ObjectFacts } from './objectFacts';
export { S3Client, type ListedBucket } from './client';
export {
	CONFIGURATION_NAMES,
	type BucketConfiguration,
	type ConfigurationName,
	type ReadConfiguration,
} from './configuration';
export type { CopyOptions } from './copy';
export { isObjectChanged, whyObjectUnreadable, type Role } from './errors';
export { KeyNotTaken } from './keyNotTaken';
export type { ListOptions } from './listing';
export type { ListedObject } from './page';
export type { PutOptions } from './put';
export type { Ranges } from './putRanges';
export type { Tags } from './tags';
export { MOST_VERSIONS, type KeyVersions, type ListedVersion, type VersionListOptions } from './versions';
export type { ListedUpload } from '../../storage/s3/listing';
export type { S3ConnectionOptions as S3Connection } from '../../storage/s3/options';
