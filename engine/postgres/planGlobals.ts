/** What restoring roles and globals would meet; see restore/planRestore.ts. */
import { type ArchiveReader, RestoreCheck } from '../archive';
import type { BackupError } from '../errors';
import { withAnyDatabase } from './anyDatabase';
import type { PostgresConnection } from './connection';
import { assertOwnSession } from './pooler';
import { assertWholeContent } from './restore';
import { checkGlobals } from './verify/globals';

export interface GlobalsRestorePlan {
	/** Roles that the server has, its own predefined ones left out; undefined where it could not be asked. */
	target: { roles: number } | undefined;
	problems: BackupError[];
}

/** @throws BackupError CANCELLED; whatever else a restore would end with is among the problems */
export async function planGlobalsRestore(
	connection: PostgresConnection,
	open: () => Promise<ArchiveReader>,
	signal?: AbortSignal,
): Promise<GlobalsRestorePlan> {
	const check = new RestoreCheck();
	const reader = await check.ask(open);
	if (reader) await check.ask(async () => await assertWholeContent(reader, checkGlobals, signal));
	const target = await check.ask(async () => {
		return await withAnyDatabase(connection, 'target', { signal }, async (client) => {
			await assertOwnSession(client, connection, 'target', { signal });
			const { rows } = await client.query<{ roles: number }>(
				`SELECT count(*)::int AS roles FROM pg_catalog.pg_roles WHERE rolname NOT LIKE 'pg\\_%'`,
			);
			return { roles: rows[0]?.roles ?? 0 };
		});
	});
	return { target, problems: check.problems };
}
