/** Keys that a server cannot hold, or not beside those that it has. That says nothing of other objects. */
import { BackupError } from '../../errors';
import type { S3Failure } from '../../storage/s3/failure';

export class KeyNotTaken extends BackupError {
	constructor(message: string, options: { hint: string; cause?: unknown }) {
		super('INVALID_INPUT', message, options);
	}
}

/** What servers call a key that they do not take: AWS, and MinIO, which stores objects as files. */
const CODES = new Set([
	...['KeyTooLongError', 'InvalidObjectName', 'InvalidURI'],
	...['XMinioInvalidObjectName', 'XMinioInvalidResourceName', 'XMinioObjectExistsAsDirectory', 'XMinioParentIsObject'],
]);

/** Whether a server has refused a key for what it is. */
export function isKeyRefused({ code = '' }: S3Failure): boolean {
	return CODES.has(code);
}
