/** Keys that a server cannot hold, or not beside those that it has. That says nothing of other objects. */
import { BackupError } from '../../errors';
import type { S3Failure } from '../../storage/s3/failure';
import { shownName } from '../../tree';

export class KeyNotTaken extends BackupError {
	constructor(message: string, options: { hint: string; cause?: unknown }) {
		super('INVALID_INPUT', message, options);
	}
}

/** What servers call a key that they do not take: AWS, and MinIO, which stores objects as files. */
const CODES = new Set([
	...['KeyTooLongError', 'InvalidObjectName', 'InvalidURI'],
	...['XMinioInvalidObjectName', 'XMinioInvalidResourceName', 'XMinioObjectExistsAsDirectory', 'XMinioParentIsObject'],
	// VersityGW, which stores them as files, too.
	...['ObjectParentIsFile', 'ExistingObjectIsDirectory', 'DirectoryObjectContainsData'],
]);

/** Whether a server has refused a key for what it is. */
export function isKeyRefused({ code = '' }: S3Failure): boolean {
	return CODES.has(code);
}

/** A server has refused to create a key as one that it has, and has it not: `a/` where the object `a` is a file, as on VersityGW. */
export function keyOccupied(cause: S3Failure, bucket: string, key: string): KeyNotTaken {
	const message = `The server has no object ${shownName(key)} in the bucket ${bucket}, and keeps its place for another one; it was not written.`;
	return new KeyNotTaken(message, {
		hint: 'Servers that keep objects as files hold one of two such keys. Give one of them another key at the source, or leave it out by a pattern.',
		cause,
	});
}
