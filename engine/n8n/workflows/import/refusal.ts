import { BackupError, cancelled, messageOf } from '../../../errors';

/** Errors after which nothing else could succeed. */
const FATAL: ReadonlySet<string> = new Set(['CANCELLED', 'ACCESS_DENIED', 'TARGET_UNREACHABLE', 'ARCHIVE_CORRUPT']);

/** Why n8n refuses one thing, which does not keep the others from being imported. @throws any other error */
export function refusalIn(error: unknown, signal: AbortSignal | undefined): string {
	if (signal?.aborted) throw cancelled();
	if (!(error instanceof BackupError) || FATAL.has(error.code)) throw error;
	return messageOf(error);
}
