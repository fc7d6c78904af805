/** Replication slots as the server's catalog shows them: whether somebody uses one, how much WAL it holds back, and how much more it may. */
import { BackupError } from '../../errors';
import { translateError, withClient, type PostgresConnection } from '../connection';
import { parseLsn, type Lsn } from './lsn';

export interface SlotState {
	/** From where on the server keeps WAL for it; undefined where it keeps none. */
	restartLsn: Lsn | undefined;
	/** Whether somebody streams from it, and the server's process that does. */
	isActive: boolean;
	activePid: number | undefined;
	/** True where the server has removed WAL that the slot needs: it is of no use any more. */
	isLost: boolean;
	/** Bytes of WAL that the server keeps for it. */
	heldBytes: number | undefined;
	/**
	 * Bytes that may still be written before the server removes WAL that the slot needs (max_slot_wal_keep_size); undefined where there is
	 * no limit, or the server is older than 13.
	 */
	roomBytes: number | undefined;
}

const CURRENT = `CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_receive_lsn() ELSE pg_catalog.pg_current_wal_lsn() END`;

/** A physical slot of a server, by its name. */
export interface NamedSlot extends SlotState {
	name: string;
}

/**
 * Looks at a physical slot, by SQL: any role may.
 * @returns undefined where there is none of this name
 * @throws BackupError INVALID_INPUT where it is a logical one; as connect does
 */
export async function readSlotState(
	connection: PostgresConnection,
	slot: string,
	signal?: AbortSignal,
): Promise<SlotState | undefined> {
	const [row] = await rowsOf(connection, { where: 's.slot_name = $1', value: slot, what: `slot ${slot}` }, signal);
	if (!row) return undefined;
	if (row['slot_type'] !== 'physical')
		throw new BackupError('INVALID_INPUT', `The replication slot ${slot} is a logical one.`, {
			hint: 'Give the name of a physical slot, or one that does not exist yet.',
		});
	return stateIn(row);
}

/**
 * The physical slots of a server, by name. Logical ones are those of others: subscriptions, and programs that follow changes.
 * @throws BackupError as connect does
 */
export async function listSlots(connection: PostgresConnection, signal?: AbortSignal): Promise<NamedSlot[]> {
	const rows = await rowsOf(connection, { where: 's.slot_type = $1', value: 'physical', what: 'slots' }, signal);
	return rows.map((row) => ({ name: String(row['slot_name']), ...stateIn(row) }));
}

type Row = Record<string, unknown>;

function stateIn(row: Row): SlotState {
	return {
		restartLsn: typeof row['restart_lsn'] === 'string' ? parseLsn(row['restart_lsn']) : undefined,
		isActive: row['active'] === true,
		activePid: numberIn(row, 'active_pid'),
		isLost: row['wal_status'] === 'lost',
		heldBytes: numberIn(row, 'held'),
		roomBytes: numberIn(row, 'safe_wal_size'),
	};
}

/** All columns, for those of newer versions are not there on older ones. */
async function rowsOf(
	connection: PostgresConnection,
	{ where, value, what }: { where: string; value: string; what: string },
	signal: AbortSignal | undefined,
): Promise<Row[]> {
	return await withClient(connection, 'source', { ...(signal && { signal }) }, async (client) => {
		const sql = `SELECT s.*, s.restart_lsn::text AS restart_lsn,
				pg_catalog.pg_wal_lsn_diff(${CURRENT}, s.restart_lsn)::float8 AS held
			FROM pg_catalog.pg_replication_slots s WHERE ${where} ORDER BY s.slot_name`;
		try {
			return (await client.query<Row>(sql, [value])).rows;
		} catch (error) {
			throw translateError(error, 'source', `Could not look at the replication ${what}`);
		}
	});
}

function numberIn(row: Row, column: string): number | undefined {
	const value = row[column];
	const number = value === null || value === undefined ? NaN : Number(value);
	return Number.isFinite(number) ? number : undefined;
}
