import { BackupError } from '../../errors';
import { ofAnswer } from './answers';
import { ofConnection } from './connection-errors';
import type { Place } from './explanation';
import { failureOfConnection, isConnectionFailure } from './failure';

/** Turns what a request threw into a BackupError; a BackupError passes through. */
export function s3Error(error: unknown, place: Place): BackupError {
	if (error instanceof BackupError) return error;
	const failure = failureOfConnection(error);
	const [code, message, hint] = isConnectionFailure(failure) ? ofConnection(failure, place) : ofAnswer(failure, place);
	const details = { status: failure.status, s3Code: failure.code, attempts: failure.attempts };
	return new BackupError(code, message, { cause: failure, hint, details });
}
