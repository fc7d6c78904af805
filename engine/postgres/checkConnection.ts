import { type PostgresConnection, withClient } from './connection';
import { checkVersionOf } from './serverVersion';

/**
 * Logs in to the server of a backup and leaves again: what would fail for every database fails once, and at once.
 * @throws BackupError SOURCE_UNREACHABLE, ACCESS_DENIED, INVALID_INPUT (no such database), with the server's message;
 * UNSUPPORTED_VERSION; CANCELLED
 */
export async function checkConnection(connection: PostgresConnection, signal?: AbortSignal): Promise<void> {
	await withClient(connection, 'source', { signal }, async (client) => await checkVersionOf(client, 'source'));
}
