import type { ArchiveReader } from '../archive';

import { type PostgresConnection, translateError, withClient } from './connection';
import { applyGlobals, type ApplyGlobalsReport } from './globals';

/**
 * Restores roles and globals from an archive of kind `postgres-globals`. The archive is read to its end before the
 * server is asked for anything.
 * @throws BackupError those of the archive, TARGET_UNREACHABLE, ACCESS_DENIED, CANCELLED.
 */
export async function restoreGlobals(
	connection: PostgresConnection,
	reader: ArchiveReader,
	options: { existing: 'update' | 'skip'; signal?: AbortSignal },
): Promise<ApplyGlobalsReport> {
	const chunks: Buffer[] = [];
	for await (const chunk of reader.raw(options.signal)) chunks.push(chunk as Buffer);
	const script = Buffer.concat(chunks).toString('utf8');
	return await withClient(
		connection,
		'target',
		{ signal: options.signal },
		async (client) => await applyGlobals(client, script, options),
	).catch((error: unknown) => {
		throw translateError(error, 'target', 'Could not restore roles and globals');
	});
}
