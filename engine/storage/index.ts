export { Bandwidth } from './bandwidth';
export { systemClock } from './clock';
export type { StorageFeatures } from './features';
export { FolderStorage, type FolderStorageOptions } from './folder';
export { gatedStorage, type Gate } from './gate';
export { probeStorage } from './probe';
export { S3Storage, type RetryPolicy, type S3StorageOptions } from './s3';
export type {
	DeletionLock,
	ListOptions,
	ReadOptions,
	RemovalFailure,
	ReplaceOptions,
	Rotation,
	Storage,
	StoredObject,
	WriteOptions,
} from './storage';
