import { BackupError, throwIfCancelled } from '../errors';
import type { QdrantClient, SnapshotScope } from './client';
import { statusOf } from './failure';
import type { LedgerEntry, SnapshotLedger } from './ledger';
import type { SnapshotDescription } from './types';

/** How far a snapshot's name may be from the moment at which it was asked for: the server begins at once. */
const WINDOW_MS = 3000;
/** Begins the name of every file that a restore uploads. */
export const UPLOAD_PREFIX = 'stack-backup-upload-';
const UPLOAD_ABANDONED_AFTER_MS = 24 * 60 * 60 * 1000;

/**
 * Removes from the servers what earlier runs of ours left there: snapshots in the ledger whose run has ended. Those of
 * servers that are not asked (another cluster that uses the same storage) stay in the ledger.
 * @param clients The servers that can be reached, by peer id.
 * @returns What was removed, and what could not be told for sure.
 */
export async function removeLeftovers(
	clients: ReadonlyMap<string, QdrantClient>,
	ledger: SnapshotLedger,
	signal?: AbortSignal,
): Promise<{ removed: string[]; warnings: string[] }> {
	const removed: string[] = [];
	const warnings: string[] = [];
	for (const entry of await ledger.abandoned()) {
		throwIfCancelled(signal);
		const client = clients.get(entry.peerId);
		if (!client) continue;
		try {
			const found = await leftoversOf(client, entry, signal);
			if (found.length > 1) {
				warnings.push(
					`One of the snapshots ${found.join(', ')} on ${client.server} is left over from a backup that was cut off, the other is not ours: remove it by hand.`,
				);
			} else if (found[0] !== undefined) {
				await client.deleteSnapshot(entry.scope, found[0], signal);
				removed.push(found[0]);
			}
			await ledger.strike(entry.key);
		} catch (error) {
			if (error instanceof BackupError && error.code === 'CANCELLED') throw error;
			warnings.push(`A leftover snapshot on ${client.server} could not be removed: ${(error as Error).message}`);
		}
	}
	return { removed, warnings };
}

/** The snapshot of an entry, if it is there; several where its name was never told and more than one may be it. */
async function leftoversOf(client: QdrantClient, entry: LedgerEntry, signal?: AbortSignal): Promise<string[]> {
	const snapshots = await client.snapshots(entry.scope, signal).catch((error: unknown) => {
		// The collection is gone, and nobody can reach its snapshots any more.
		if (statusOf(error) === 404) return [];
		throw error;
	});
	if (entry.name !== undefined) return snapshots.filter(({ name }) => name === entry.name).map(({ name }) => name);
	return snapshots.filter((snapshot) => mayBe(snapshot, entry)).map(({ name }) => name);
}

function mayBe({ name }: SnapshotDescription, { askedAt, present }: LedgerEntry): boolean {
	const begunAt = snapshotTime(name);
	if (begunAt === undefined || present.includes(name)) return false;
	const delay = begunAt.getTime() - askedAt.getTime();
	// Both are whole seconds; the request was sent within the second after the server told its time.
	return delay >= 0 && delay <= WINDOW_MS;
}

/** The moment in a snapshot's name (`docs-4466304464839633-2026-11-21-09-05-09.snapshot`), which is UTC. */
export function snapshotTime(name: string): Date | undefined {
	const [, date, hours, minutes, seconds] = /-(\d{4}-\d\d-\d\d)-(\d\d)-(\d\d)-(\d\d)\.snapshot$/.exec(name) ?? [];
	if (date === undefined) return undefined;
	const time = new Date(`${date}T${hours}:${minutes}:${seconds}Z`);
	return Number.isNaN(time.getTime()) ? undefined : time;
}

/**
 * Removes what restores have uploaded and, killed half-way, not removed: the server keeps every uploaded file (1.16.3),
 * and these carry our name. Younger ones than a day may belong to a restore that is still at work.
 */
export async function removeOldUploads(
	client: QdrantClient,
	scope: SnapshotScope,
	now: Date,
	signal?: AbortSignal,
): Promise<string[]> {
	const removed: string[] = [];
	for (const { name, creation_time: created } of await client.snapshots(scope, signal)) {
		if (!name.startsWith(UPLOAD_PREFIX) || !created) continue;
		if (now.getTime() - new Date(`${created}Z`).getTime() < UPLOAD_ABANDONED_AFTER_MS) continue;
		await client.deleteSnapshot(scope, name, signal);
		removed.push(name);
	}
	return removed;
}
