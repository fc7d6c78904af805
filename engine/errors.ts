/**
 * Every failure that a user can meet is a BackupError: what happened (message), what to do about it (hint), and a
 * code that a caller can branch on. Messages and hints never hold secrets.
 */
export type ErrorCode =
	| 'INVALID_INPUT'
	| 'SOURCE_UNREACHABLE'
	| 'ACCESS_DENIED'
	| 'UNSUPPORTED_VERSION'
	| 'SOURCE_FAILED'
	| 'TARGET_UNREACHABLE'
	| 'TARGET_EXISTS'
	| 'TARGET_FAILED'
	| 'NOT_CONFIRMED'
	| 'STORAGE_UNREACHABLE'
	| 'STORAGE_DENIED'
	| 'STORAGE_FULL'
	| 'STORAGE_EXISTS'
	| 'STORAGE_MISSING'
	| 'STORAGE_LOCKED'
	| 'STORAGE_FAILED'
	| 'ARCHIVE_CORRUPT'
	| 'ARCHIVE_INCOMPLETE'
	| 'MANIFEST_INVALID'
	| 'MANIFEST_NEWER'
	| 'NOT_AUTHENTIC'
	| 'KEY_MISSING'
	| 'KEY_WRONG'
	| 'CANCELLED';

export interface BackupErrorOptions {
	/** What the user can do about it, one or two sentences. */
	hint?: string;
	cause?: unknown;
	/** Extra facts for the item of a failed run; never secrets. */
	details?: Record<string, unknown>;
}

export class BackupError extends Error {
	override readonly name = 'BackupError';
	readonly hint: string | undefined;
	readonly details: Record<string, unknown> | undefined;

	constructor(
		readonly code: ErrorCode,
		message: string,
		options: BackupErrorOptions = {},
	) {
		super(message, options.cause === undefined ? undefined : { cause: options.cause });
		this.hint = options.hint;
		this.details = options.details;
	}
}

/** The error that every cancelled operation ends with. */
export function cancelled(): BackupError {
	return new BackupError('CANCELLED', 'The run was cancelled; nothing half-written was left behind.');
}

/** Throws the CANCELLED error when the signal has fired. */
export function throwIfCancelled(signal?: AbortSignal): void {
	if (signal?.aborted) throw cancelled();
}

/** The message of anything thrown, for putting into another message. */
export function messageOf(error: unknown): string {
	if (error instanceof AggregateError && !error.message) return error.errors.map(messageOf).join('; ');
	return error instanceof Error ? error.message : String(error);
}

/** Names as one message has room for them: `a, b, c, d, e and 7 more`. */
export function listed(names: readonly string[], most = 5): string {
	const shown = names.slice(0, most).join(', ');
	return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}
