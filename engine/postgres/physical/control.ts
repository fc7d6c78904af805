/** What is done on a server beside backing it up: giving a moment a name, ending a segment early, dropping a slot. */
import { BackupError } from '../../errors';
import { translateError, withClient, type PostgresConnection } from '../connection';
import { parseLsn, type Lsn } from './lsn';
import { assertSlotName, dropSlot, withWalSender } from './protocol';
import { readSlotState, type SlotState } from './slot';

/** Bytes that a restore point's name may have (MAXFNAMELEN, with the zero that ends it). */
const LONGEST_NAME = 63;

/** How something is done on a server. */
export interface ControlOptions {
	connection: PostgresConnection;
	signal?: AbortSignal | undefined;
}

/**
 * Gives the present moment a name, to which recovery can go.
 * @returns the position behind it
 * @throws BackupError INVALID_INPUT, ACCESS_DENIED with the GRANT that is missing, SOURCE_FAILED on a standby
 */
export async function createRestorePoint({ connection, signal }: ControlOptions, name: string): Promise<Lsn> {
	if (name === '' || Buffer.byteLength(name) > LONGEST_NAME || name.includes('\0'))
		throw new BackupError('INVALID_INPUT', `"${name.slice(0, 80)}" cannot be the name of a restore point.`, {
			hint: `Give a name of 1 to ${LONGEST_NAME} bytes.`,
		});
	const sql = 'SELECT pg_catalog.pg_create_restore_point($1)::text AS lsn';
	return await lsnOf({ connection, signal }, sql, [name], 'Could not create the restore point');
}

/**
 * Ends the segment that is written to, so that it is whole and can be archived. Does nothing where nothing was written to it.
 * @returns the position at which the log was ended
 * @throws BackupError ACCESS_DENIED with the GRANT that is missing, SOURCE_FAILED on a standby
 */
export async function switchWal(options: ControlOptions): Promise<Lsn> {
	return await lsnOf(
		options,
		'SELECT pg_catalog.pg_switch_wal()::text AS lsn',
		[],
		'Could not switch to a new WAL segment',
	);
}

async function lsnOf(
	{ connection, signal }: ControlOptions,
	sql: string,
	values: string[],
	doing: string,
): Promise<Lsn> {
	return await withClient(connection, 'source', { ...(signal && { signal }) }, async (client) => {
		try {
			const { rows } = await client.query<{ lsn: string }>(sql, values);
			return parseLsn(rows[0]!.lsn);
		} catch (error) {
			throw translateError(error, 'source', doing);
		}
	});
}

/**
 * Drops a replication slot. The server may remove the WAL that it kept at once: what was not archived is lost.
 * @param confirmation the slot's name once more
 * @returns what it was like
 * @throws BackupError NOT_CONFIRMED; INVALID_INPUT where there is no such physical slot; SOURCE_FAILED where somebody uses it
 */
export async function dropReplicationSlot(
	{ connection, signal }: ControlOptions,
	slot: string,
	confirmation: string,
): Promise<SlotState> {
	assertSlotName(slot);
	if (confirmation !== slot)
		throw new BackupError(
			'NOT_CONFIRMED',
			`The replication slot ${slot} was not dropped, because that was not confirmed.`,
			{
				hint: `Type ${slot} into Confirm by Typing the Slot's Name.`,
			},
		);
	const state = await readSlotState(connection, slot, signal);
	if (!state)
		throw new BackupError(
			'INVALID_INPUT',
			`There is no replication slot ${slot} at ${connection.host}:${connection.port}.`,
			{
				hint: 'Check its name: pg_replication_slots lists those that exist.',
			},
		);
	await withWalSender(connection, { signal }, async (sender) => await dropSlot(sender, slot));
	return state;
}
