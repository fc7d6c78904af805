import type { Client } from 'pg';

import type { ArchiveReader } from '../archive';

import { withAnyDatabase } from './anyDatabase';
import { type PostgresConnection, translateError } from './connection';
import { applyGlobals, type ApplyGlobalsOptions, type ApplyGlobalsReport } from './globals';
import { assertOwnSession } from './pooler';
import { assertWholeContent } from './restore';
import { checkGlobals } from './verify/globals';

/** Applies the script as it comes: it may be of any size, and need not fit into memory. */
export async function applyArchivedGlobals(
	client: Client,
	reader: ArchiveReader,
	options: ApplyGlobalsOptions,
): Promise<ApplyGlobalsReport> {
	const raw = reader.raw(options.signal);
	try {
		return await applyGlobals(client, raw as AsyncIterable<Uint8Array>, options);
	} finally {
		raw.destroy();
	}
}

/**
 * Restores roles and globals from an archive of kind `postgres-globals`. The archive is read to its end, and its content
 * checked, before the server is asked for anything; then it is read once more.
 * @throws BackupError those of the archive, TARGET_UNREACHABLE, ACCESS_DENIED, CANCELLED.
 */
export async function restoreGlobals(
	connection: PostgresConnection,
	reader: ArchiveReader,
	options: { existing: 'update' | 'skip'; signal?: AbortSignal },
): Promise<ApplyGlobalsReport> {
	const { signal } = options;
	await assertWholeContent(reader, checkGlobals, signal);
	return await withAnyDatabase(connection, 'target', { signal }, async (client) => {
		await assertOwnSession(client, connection, 'target', { signal });
		return await applyArchivedGlobals(client, reader, options);
	}).catch((error: unknown) => {
		throw translateError(error, 'target', 'Could not restore roles and globals');
	});
}
