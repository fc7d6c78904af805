import { basename } from 'node:path';

import type { IExecuteFunctions, ILoadOptionsFunctions } from 'n8n-workflow';

import { BackupError, FolderStorage, S3Storage, type S3StorageOptions, type Storage } from '../../engine';

import { armoredBlocks } from './armor';
import { type FileAccess, guardedByN8n, guardedBySettings } from './fileAccess';

export const STORAGE_CREDENTIAL = 'backupStorageApi';

/** The Backup Storage credential as n8n keeps it. Fields that are not shown for its type may be missing. */
export interface StorageCredential {
	type: 'folder' | 's3';
	folderPath?: string;
	endpoint?: string;
	region?: string;
	accessKeyId?: string;
	secretAccessKey?: string;
	sessionToken?: string;
	bucket?: string;
	prefix?: string;
	forcePathStyle?: boolean;
	ignoreSslIssues?: boolean;
	caBundle?: string;
	/** MiB. */
	partSize?: number;
	storageClass?: string;
	serverSideEncryption?: 'none' | 'AES256' | 'kms';
	kmsKeyId?: string;
	objectLockMode?: 'none' | 'GOVERNANCE' | 'COMPLIANCE';
	objectLockDays?: number;
}

const MIB = 1024 * 1024;

/**
 * The storage that a credential describes; nothing is read or written yet.
 * @throws BackupError INVALID_INPUT, STORAGE_DENIED (a folder that n8n's settings forbid)
 */
export async function storageOf(credential: StorageCredential, access: FileAccess): Promise<Storage> {
	if (credential.type === 's3') return new S3Storage(s3Options(credential));
	const path = (credential.folderPath ?? '').trim();
	if (path === '') {
		throw new BackupError('INVALID_INPUT', 'The Backup Storage credential names no folder.', {
			hint: 'Fill in Folder Path.',
		});
	}
	return new FolderStorage({ root: await access.allowedFolder(path), description: `folder ${basename(path)}` });
}

function s3Options(credential: StorageCredential): S3StorageOptions {
	const { objectLockMode = 'none', objectLockDays = 0 } = credential;
	const caCertificate = armoredBlocks(credential.caBundle ?? '').join('');
	return {
		endpoint: credential.endpoint ?? '',
		region: credential.region,
		accessKeyId: credential.accessKeyId ?? '',
		secretAccessKey: credential.secretAccessKey ?? '',
		sessionToken: credential.sessionToken || undefined,
		bucket: credential.bucket ?? '',
		prefix: credential.prefix,
		forcePathStyle: credential.forcePathStyle,
		ignoreSslIssues: credential.ignoreSslIssues,
		caCertificate: caCertificate || undefined,
		partSize: credential.partSize === undefined ? undefined : credential.partSize * MIB,
		storageClass: credential.storageClass || undefined,
		serverSideEncryption: serverSideEncryption(credential),
		objectLock: objectLockMode === 'none' ? undefined : { mode: objectLockMode, days: objectLockDays },
	};
}

function serverSideEncryption(credential: StorageCredential): S3StorageOptions['serverSideEncryption'] {
	if (credential.serverSideEncryption === 'AES256') return 'AES256';
	if (credential.serverSideEncryption !== 'kms') return undefined;
	return { kmsKeyId: credential.kmsKeyId ?? '' };
}

/** The storage of a running node. @throws BackupError as storageOf does */
export async function openStorage(context: IExecuteFunctions, itemIndex: number): Promise<Storage> {
	const credential = await context.getCredentials(STORAGE_CREDENTIAL, itemIndex);
	return await storageOf(credential as unknown as StorageCredential, guardedByN8n(context.helpers));
}

/** The storage for a drop-down in the editor. @throws BackupError as storageOf does */
export async function openStorageForList(context: ILoadOptionsFunctions): Promise<Storage> {
	const credential = await context.getCredentials(STORAGE_CREDENTIAL);
	return await storageOf(credential as unknown as StorageCredential, guardedBySettings());
}
