import { BackupError } from '../../../errors';
import type { PostgresConnection } from '../../connection';
import { createPhysicalSlot, dropSlot, readSlot, type WalSender, withWalSender } from '../protocol';

/** SQLSTATE duplicate_object. */
const EXISTS = '42710';

/**
 * Sees to it that a physical slot keeps WAL from now on.
 * @param major the server's version: from 15 on it can be asked for a slot
 * @returns whether it was made now
 * @throws BackupError, also where it exists and keeps nothing
 */
export async function ensureSlot(sender: WalSender, slot: string, major: number): Promise<boolean> {
	try {
		await createPhysicalSlot(sender, slot);
		return true;
	} catch (error) {
		const cause = error instanceof BackupError ? (error.cause as { code?: string } | undefined) : undefined;
		if (cause?.code !== EXISTS) throw error;
	}
	if (major < 15) return false;
	const found = await readSlot(sender, slot);
	if (found?.restartLsn !== undefined) return false;
	throw new BackupError('SOURCE_FAILED', `The replication slot ${slot} exists and keeps no WAL.`, {
		hint: 'It was never used, or the server has given it up (max_slot_wal_keep_size). Drop it, and run this again: a new one is made.',
	});
}

/** Drops a slot that was made for a backup which then failed: it would fill the server's disk. What fails here is not told. */
export async function dropNewSlot(connection: PostgresConnection, slot: string): Promise<void> {
	await withWalSender(connection, {}, async (sender) => await dropSlot(sender, slot)).catch(() => {});
}
