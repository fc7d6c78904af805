export type { RetryPolicy, S3StorageOptions } from './options';
export { S3Storage } from './storage';
