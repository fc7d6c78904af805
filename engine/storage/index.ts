export { FolderStorage, type FolderStorageOptions } from './folder';
export { probeStorage } from './probe';
export { S3Storage, type RetryPolicy, type S3StorageOptions } from './s3';
export type {
	DeletionLock,
	ListOptions,
	ReadOptions,
	RemovalFailure,
	Rotation,
	Storage,
	StoredObject,
	WriteOptions,
} from './storage';
