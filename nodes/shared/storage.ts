import { basename } from 'node:path';

import type { IExecuteFunctions, ILoadOptionsFunctions } from 'n8n-workflow';

import {
	BackupError,
	FolderStorage,
	type S3Connection,
	S3Storage,
	type S3StorageOptions,
	type Storage,
} from '../../engine';

import { armoredBlocks } from './armor';
import { limitedStorage } from './bandwidth';
import { numberOf } from './fields';
import { type FileAccess, guardedByN8n, guardedBySettings } from './fileAccess';
import { showWarnings } from './hints';

export const STORAGE_CREDENTIAL = 'backupStorageApi';

/** The type of credentials for a second storage: of each type, n8n lets a node have one. */
export const SECOND_STORAGE_CREDENTIAL = 'backupStorageSecondApi';

/** Which of the storages of a node is meant. */
export type StorageCredentialType = typeof STORAGE_CREDENTIAL | typeof SECOND_STORAGE_CREDENTIAL;

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
	maxParts?: number;
	outageSeconds?: number;
	stallSeconds?: number;
	storageClass?: string;
	serverSideEncryption?: 'none' | 'AES256' | 'kms';
	kmsKeyId?: string;
	objectLockMode?: 'none' | 'GOVERNANCE' | 'COMPLIANCE';
	objectLockDays?: number;
}

const MIB = 1024 * 1024;

/** The ways in which an outage is reported. */
type Noticed = Pick<IExecuteFunctions, 'logger' | 'sendMessageToUI' | 'addExecutionHints'>;

/** The others are in n8n's log. */
const MOST_HINTS = 5;

/** Whoever waits for a test or a drop-down would rather know soon than have an outage waited for. */
const IN_THE_EDITOR = { outageMs: 10_000, firstAnswerMs: 3000, stallMs: 10_000 };

/** A folder that does not answer is not waited for any longer by what notes how a run ended. */
const NOTES_WITHIN_MS = 30_000;

/** Who uses a storage: a run, to which outages are reported, or somebody in the editor. */
export type StorageUse =
	| {
			type: 'run';
			onNotice: NonNullable<S3StorageOptions['onNotice']>;
			/** Fires when the run is cancelled. */
			signal: AbortSignal | undefined;
	  }
	/** Who would rather know soon; what hangs when the signal fires is left behind. */
	| { type: 'editor'; signal?: AbortSignal };

/**
 * The storage that a credential describes; nothing is read or written yet.
 * @throws BackupError INVALID_INPUT, STORAGE_DENIED (a folder that n8n's settings forbid)
 */
export async function storageOf(
	credential: StorageCredential,
	access: FileAccess,
	use: StorageUse = { type: 'editor' },
): Promise<Storage> {
	if (credential.type === 's3') return new S3Storage(s3Options(credential, use));
	const path = folderPathOf(credential);
	return new FolderStorage({
		root: await access.allowedFolder(path),
		description: `folder ${basename(path)}`,
		...(use.type === 'run' && { onNotice: use.onNotice }),
		runSignal: use.signal,
	});
}

/** @throws BackupError INVALID_INPUT where the credential names none */
export function folderPathOf({ folderPath = '' }: StorageCredential): string {
	const path = folderPath.trim();
	if (path !== '') return path;
	throw new BackupError('INVALID_INPUT', 'The Backup Storage credential names no folder.', {
		hint: 'Fill in Folder Path.',
	});
}

function s3Options(credential: StorageCredential, use: StorageUse): S3StorageOptions {
	const { objectLockMode = 'none', objectLockDays = 0 } = credential;
	return {
		...connectionOf(credential, use),
		bucket: credential.bucket ?? '',
		prefix: credential.prefix,
		storageClass: credential.storageClass || undefined,
		serverSideEncryption: serverSideEncryption(credential),
		objectLock: objectLockMode === 'none' ? undefined : { mode: objectLockMode, days: objectLockDays },
	};
}

/** The server alone. */
function connectionOf(credential: StorageCredential, use: StorageUse): S3Connection {
	const caCertificate = armoredBlocks(credential.caBundle ?? '').join('');
	return {
		endpoint: credential.endpoint ?? '',
		region: credential.region,
		accessKeyId: credential.accessKeyId ?? '',
		secretAccessKey: credential.secretAccessKey ?? '',
		sessionToken: credential.sessionToken || undefined,
		forcePathStyle: credential.forcePathStyle,
		ignoreSslIssues: credential.ignoreSslIssues,
		caCertificate: caCertificate || undefined,
		partSize: credential.partSize === undefined ? undefined : credential.partSize * MIB,
		maxParts: credential.maxParts,
		retry: use.type === 'editor' ? IN_THE_EDITOR : patienceOf(credential),
		...(use.type === 'run' && { onNotice: use.onNotice, runSignal: use.signal }),
	};
}

/** Credentials that were saved before these fields existed do not have them. */
function patienceOf({ outageSeconds = 120, stallSeconds = 60 }: StorageCredential): S3StorageOptions['retry'] {
	const outage = numberOf(outageSeconds, 'Outage Tolerance (Seconds)', { min: 1, max: 86_400 });
	const stall = numberOf(stallSeconds, 'Stall Timeout (Seconds)', { min: 5, max: 3600 });
	return { outageMs: outage * 1000, stallMs: stall * 1000 };
}

function serverSideEncryption(credential: StorageCredential): S3StorageOptions['serverSideEncryption'] {
	if (credential.serverSideEncryption === 'AES256') return 'AES256';
	if (credential.serverSideEncryption !== 'kms') return undefined;
	return { kmsKeyId: credential.kmsKeyId ?? '' };
}

/** The storage of a running node, within the limit of its option Bandwidth Limit. @throws BackupError as storageOf does, INVALID_INPUT */
export async function openStorage(
	context: IExecuteFunctions,
	itemIndex: number,
	type: StorageCredentialType = STORAGE_CREDENTIAL,
): Promise<Storage> {
	return limitedStorage(context, itemIndex, await openUnlimitedStorage(context, itemIndex, type));
}

/** The same without a limit, for a node that limits elsewhere what comes out of it. @throws BackupError as storageOf does */
export async function openUnlimitedStorage(
	context: IExecuteFunctions,
	itemIndex: number,
	type: StorageCredentialType,
): Promise<Storage> {
	const credential = await context.getCredentials(type, itemIndex);
	const access = guardedByN8n(context.helpers);
	return await storageOf(credential as unknown as StorageCredential, access, useOf(context));
}

/**
 * The storage of a running node for what is noted when the run has ended: also when it was cancelled, and without waiting for
 * a storage that is away. Undefined where the node has none: its credential is not asked for, or not selected.
 * @throws BackupError as storageOf does
 */
export async function openStorageForNotes(context: IExecuteFunctions, itemIndex: number): Promise<Storage | undefined> {
	if (context.getNode().credentials?.[STORAGE_CREDENTIAL] === undefined) return undefined;
	const credential = await context.getCredentials(STORAGE_CREDENTIAL, itemIndex).catch(() => undefined);
	if (!credential) return undefined;
	const use = { type: 'editor' as const, signal: AbortSignal.timeout(NOTES_WITHIN_MS) };
	return await storageOf(credential as unknown as StorageCredential, guardedByN8n(context.helpers), use);
}

function useOf(context: IExecuteFunctions): StorageUse {
	return { type: 'run', onNotice: noticesTo(context), signal: context.getExecutionCancelSignal() };
}

/**
 * The S3 server that the storage of a node is on, for other buckets of it.
 * @throws BackupError INVALID_INPUT where the storage is a folder
 */
export async function storageServer(
	context: IExecuteFunctions | ILoadOptionsFunctions,
	itemIndex = 0,
): Promise<{ connection: S3Connection; bucket: string }> {
	const credential: StorageCredential = await context.getCredentials(STORAGE_CREDENTIAL, itemIndex);
	if (credential.type !== 's3') {
		throw new BackupError(
			'INVALID_INPUT',
			'The Backup Storage credential is a folder, and that of a server is needed.',
			{
				hint: 'Select one of the type S3.',
			},
		);
	}
	const use: StorageUse = 'getExecutionCancelSignal' in context ? useOf(context) : { type: 'editor' };
	return { connection: connectionOf(credential, use), bucket: credential.bucket ?? '' };
}

/** The folder on this machine that the storage of a running node is; undefined for a bucket. @throws BackupError as storageOf does */
export async function storageFolder(context: IExecuteFunctions, itemIndex: number): Promise<string | undefined> {
	const credential: StorageCredential = await context.getCredentials(STORAGE_CREDENTIAL, itemIndex);
	if (credential.type === 's3') return undefined;
	return await guardedByN8n(context.helpers).allowedFolder(folderPathOf(credential));
}

/** While an outage lasts, it is reported in n8n's log and in the editor that runs the workflow; when it is over, with the result. */
export function noticesTo(context: Noticed): NonNullable<S3StorageOptions['onNotice']> {
	let hints = 0;
	return (notice, isOver) => {
		context.logger.warn(`Backup Storage: ${notice}`);
		context.sendMessageToUI(notice);
		if (isOver && ++hints <= MOST_HINTS) showWarnings(context, [notice]);
	};
}

/** The storage for a drop-down in the editor. @throws BackupError as storageOf does */
export async function openStorageForList(
	context: ILoadOptionsFunctions,
	type: StorageCredentialType = STORAGE_CREDENTIAL,
): Promise<Storage> {
	const credential = await context.getCredentials(type);
	return await storageOf(credential as unknown as StorageCredential, guardedBySettings());
}
