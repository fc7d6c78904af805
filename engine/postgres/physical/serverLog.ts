/** What a server says of its log: where it ends, and which replication slots hold how much of it. By SQL: any role may ask. */
import type { ServerLog } from '../../verify/recoverable';
import { NOT_FOR_US, systemIdentifier } from '../systemIdentifier';
import { translateError, withClient, type PostgresConnection } from '../connection';

/** Slots beyond these are left out; a server has some. */
const MOST_SLOTS = 500;

/**
 * Where the log ends, and of which timeline that is, is asked of a primary alone: a standby is behind, and its primary may have written more.
 * The time is that of the statement, so from before the position was looked at.
 */
const PLACE = `SELECT pg_catalog.to_char(pg_catalog.statement_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at,
		CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL ELSE pg_catalog.pg_current_wal_flush_lsn()::text END AS position,
		CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL
			ELSE pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_flush_lsn()), 1, 8) END AS timeline,
		(SELECT setting::float8 FROM pg_catalog.pg_settings WHERE name = 'max_slot_wal_keep_size') AS "limitMb"`;

/** All columns, for those of newer versions are not there on older ones. */
const SLOTS = `SELECT s.*, pg_catalog.pg_wal_lsn_diff(
		CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_receive_lsn() ELSE pg_catalog.pg_current_wal_lsn() END,
		s.restart_lsn)::float8 AS held
	FROM pg_catalog.pg_replication_slots s WHERE NOT s.temporary ORDER BY s.slot_name LIMIT ${MOST_SLOTS}`;

type Row = Record<string, unknown>;

/**
 * Asks a server of its log.
 * @returns undefined where it keeps none that could be asked for, as look-alikes of PostgreSQL and some services
 * @throws BackupError as connect does
 */
export async function readServerLog(
	connection: PostgresConnection,
	signal?: AbortSignal,
): Promise<ServerLog | undefined> {
	return await withClient(connection, 'source', { ...(signal && { signal }) }, async (client) => {
		const system = await systemIdentifier(client);
		try {
			const [place] = (await client.query<Row>(PLACE)).rows;
			const { rows } = await client.query<Row>(SLOTS);
			const limitMb = numberIn(place!, 'limitMb') ?? -1;
			return {
				address: `${connection.host}:${connection.port}`,
				system,
				sign: system === undefined ? undefined : signOf(place!, system),
				limitBytes: limitMb < 0 ? undefined : limitMb * 1024 * 1024,
				slots: rows.map((row) => ({
					name: String(row['slot_name']),
					isActive: row['active'] === true,
					isPhysical: row['slot_type'] === 'physical',
					status: typeof row['wal_status'] === 'string' ? row['wal_status'] : undefined,
					heldBytes: numberIn(row, 'held'),
					roomBytes: numberIn(row, 'safe_wal_size'),
				})),
			};
		} catch (error) {
			if (NOT_FOR_US.includes((error as { code?: string }).code ?? '')) return undefined;
			throw translateError(error, 'source', 'Could not look at the replication slots');
		}
	});
}

function signOf(place: Row, system: string): ServerLog['sign'] {
	const { at, position, timeline } = place;
	if (typeof at !== 'string' || typeof position !== 'string' || typeof timeline !== 'string') return undefined;
	return { system, timeline: parseInt(timeline, 16), position, at };
}

function numberIn(row: Row, column: string): number | undefined {
	const value = row[column];
	const number = value === null || value === undefined ? NaN : Number(value);
	return Number.isFinite(number) ? number : undefined;
}
