export type { S3StorageOptions } from './options';
export type { RetryPolicy } from './retry';
export { S3Storage } from './storage';
