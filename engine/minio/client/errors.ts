/** What goes wrong with a server that objects are read from or written to, as an error that says what to do. */
import { BackupError, type ErrorCode } from '../../errors';
import { isOfOwnersKey } from '../../storage/s3/codes';
import { s3Error } from '../../storage/s3/errors';
import { S3Failure } from '../../storage/s3/failure';
import type { S3Settings } from '../../storage/s3/options';
import { shownName } from '../../tree';
import { isKeyRefused, KeyNotTaken } from './keyNotTaken';

/** What a server is for: objects come from it, or go to it. */
export type Role = 'source' | 'target';

const CODES: Readonly<Record<Role, Partial<Record<ErrorCode, ErrorCode>>>> = {
	source: {
		STORAGE_UNREACHABLE: 'SOURCE_UNREACHABLE',
		STORAGE_DENIED: 'ACCESS_DENIED',
		STORAGE_MISSING: 'SOURCE_FAILED',
		STORAGE_EXISTS: 'SOURCE_FAILED',
		STORAGE_FULL: 'SOURCE_FAILED',
		STORAGE_FAILED: 'SOURCE_FAILED',
	},
	target: {
		STORAGE_UNREACHABLE: 'TARGET_UNREACHABLE',
		STORAGE_DENIED: 'ACCESS_DENIED',
		STORAGE_MISSING: 'TARGET_FAILED',
		STORAGE_EXISTS: 'TARGET_EXISTS',
		STORAGE_FULL: 'TARGET_FAILED',
		STORAGE_FAILED: 'TARGET_FAILED',
	},
};

const RIGHTS: Readonly<Record<Role, string>> = {
	source:
		'The keys need s3:ListBucket on the bucket, and s3:GetObject on its objects; s3:GetObjectTagging for their tags. To back up all versions: s3:GetBucketVersioning and s3:ListBucketVersions, s3:GetObjectVersion and s3:GetObjectVersionTagging.',
	target:
		'The keys need s3:ListBucket on the bucket, and s3:GetObject, s3:PutObject and s3:AbortMultipartUpload on its objects; s3:PutObjectTagging for their tags, s3:CreateBucket to create it. For all versions: s3:GetBucketVersioning, s3:ListBucketVersions, s3:GetObjectVersion and s3:DeleteObject, s3:PutBucketVersioning for a bucket that is created.',
};

const HINTS: Readonly<Record<string, string>> = {
	NoSuchBucket: 'Choose one from the list, or check the spelling and the endpoint in the S3 credential.',
	NoSuchKey: 'It was removed meanwhile. Run it again.',
	InvalidObjectState: 'Restore it from its class at the provider first, or leave it out.',
};

/** Why nobody can read an object now, whatever the keys may do; undefined for other failures. */
function whyUnreadable(failure: S3Failure): string | undefined {
	if (failure.code === 'InvalidObjectState') return 'it has to be restored from its storage class first';
	return isOfOwnersKey(failure) ? 'it is encrypted with a key of its owner, SSE-C' : undefined;
}

/** Why an object cannot be read, where that says nothing of others; undefined for other errors. */
export function whyObjectUnreadable(error: unknown): string | undefined {
	const failure = error instanceof BackupError ? error.cause : undefined;
	if (!(failure instanceof S3Failure) || !failure.isOfS3) return undefined;
	return failure.code === 'AccessDenied' ? 'the keys may not read it' : whyUnreadable(failure);
}

/** @param key of the object that was asked for; empty for the bucket or the server */
export function clientError(error: unknown, role: Role, settings: S3Settings, key = ''): unknown {
	if (!(error instanceof S3Failure)) return error;
	const { host, port, bucket } = settings;
	const storage = bucket ? `bucket ${bucket} at ${host}:${port}` : `S3 server ${host}:${port}`;
	const explained = s3Error(error, { settings, storage, key });
	const { code, hint, message, details } = explained;
	if (role === 'target' && key !== '' && isKeyRefused(error)) return keyRefused(error, settings.bucket, key);
	const isBucketMissing = error.code === 'NoSuchBucket';
	// A server that is to copy such an object is the target, too.
	const mapped = whyUnreadable(error) === undefined ? (CODES[role][code] ?? code) : 'SOURCE_FAILED';
	return new BackupError(isBucketMissing ? 'INVALID_INPUT' : mapped, message, {
		cause: error,
		hint: HINTS[error.code ?? ''] ?? (code === 'STORAGE_DENIED' && isAboutRights(error) ? RIGHTS[role] : (hint ?? '')),
		...(details && { details }),
	});
}

function keyRefused(cause: S3Failure, bucket: string, key: string): KeyNotTaken {
	const message = `The server takes no object ${shownName(key)} in the bucket ${bucket}: ${cause.code}: ${cause.message}`;
	return new KeyNotTaken(message, {
		cause,
		hint: 'Not every server takes every key. Give it another key at the source, or leave it out by a pattern.',
	});
}

function isAboutRights({ code, isOfS3 }: S3Failure): boolean {
	return isOfS3 && (code === 'AccessDenied' || code === undefined);
}

/** Whether an object was replaced by another one while it was read. */
export function isObjectChanged(error: unknown): boolean {
	return error instanceof S3Failure && error.code === 'ObjectChanged';
}
