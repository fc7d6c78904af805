/** Archives WAL from the slot to the present, and ends: for a schedule. */
import { asBackUp, type ArchiveChoices, type Manifest, type ManifestTrust } from '../../../archive';
import { BackupError, messageOf } from '../../../errors';
import type { PostgresConnection } from '../../connection';
import { coverageOf, noteReached, reachingTo, type Coverage, type Reached } from '../coverage';
import { readCluster, type Cluster } from '../cluster';
import type { Lsn } from '../lsn';
import { assertSlotName, createPhysicalSlot, dropSlot, readSlot, withWalSender, type WalSender } from '../protocol';
import { readSlotState, type SlotState } from '../slot';
import { ArchiveRun, WalRemoved, type LostWal, type RunEvents, type RunProgress } from './archiveRun';
import type { StoredStretch } from './collector';
import { StoredLog } from './storedLog';

export interface ArchiveWalOptions extends ArchiveChoices {
	connection: PostgresConnection;
	/** The physical replication slot; it is created where there is none. */
	slot: string;
	/** How the backups are called; by default as the cluster is, see Cluster. */
	name?: string | undefined;
	/** Which manifests of the storage are believed. */
	trust?: ManifestTrust | undefined;
	onProgress?: ((progress: RunProgress) => void) | undefined;
}

export interface ArchiveWalReport {
	cluster: Cluster;
	name: string;
	/** What was stored, in order; of archives that were replaced in the same run, only the last. */
	stored: Manifest[];
	/** Up to where everything is stored. */
	storedLsn: Lsn;
	/** Bytes that the server kept for the slot before the run, and after it. */
	lagBefore: number | undefined;
	lagAfter: number;
	/** How much more the server would keep; undefined where there is no limit. */
	slotRoom: number | undefined;
	/** WAL that was found to be lost in this run. */
	gaps: LostWal[];
	/** What can be recovered now. */
	coverage: Coverage;
	notices: string[];
}

/**
 * Archives what the server has written since the last time. Of what is found to be lost the report tells; it is no error of its own,
 * for all that the server has was stored.
 * @throws BackupError SOURCE_FAILED where somebody else uses the slot; STORAGE_LOCKED; CANCELLED; SOURCE_*, STORAGE_*
 */
export async function archiveWal(options: ArchiveWalOptions): Promise<ArchiveWalReport> {
	const { connection, signal } = options;
	return await withWalSender(connection, { signal }, async (sender) => {
		const askedAt = performance.now();
		const cluster = await readCluster(sender, connection);
		const { systemIdentifier } = cluster;
		const name = options.name ?? cluster.name;
		const of = { kind: 'postgres-wal', name, origin: systemIdentifier, isWhole: false } as const;
		return await asBackUp(
			options,
			of,
			async (choices) => await archiveOnce(choices, sender, { cluster, name, askedAt }),
		);
	});
}

async function archiveOnce(
	options: ArchiveWalOptions,
	sender: WalSender,
	{ cluster, name, askedAt }: { cluster: Cluster; name: string; askedAt: number },
): Promise<ArchiveWalReport> {
	const { connection, slot, storage, trust, signal, onProgress } = options;
	const log = await StoredLog.find(storage, cluster.systemIdentifier, { trust, signal });
	const stored: StoredStretch[] = [];
	const gaps: LostWal[] = [];
	const notices: string[] = [];
	const before = await slotOf(sender, options, (sentence) => notices.push(sentence));
	const events: RunEvents = {
		onStored: (one) => {
			const last = stored.at(-1);
			if (last?.isPartial && last.startLsn >= one.startLsn && last.timeline === one.timeline) stored.pop();
			stored.push(one);
		},
		onGap: (gap) => void gaps.push(gap),
		notice: (sentence) => notices.push(sentence),
		...(onProgress && { onProgress }),
	};
	const target = { choices: options, name, cluster, connection };
	const shared = { cluster, slot, target, log, events, signal, interval: undefined };
	const progress = await new ArchiveRun({ ...shared, sender, slotState: before, afterGap: false })
		.run()
		.catch(async (error: unknown) => {
			if (!(error instanceof WalRemoved)) throw error;
			return await withWalSender(connection, { signal }, async (another) => {
				const slotState = await slotOf(another, options, events.notice);
				return await new ArchiveRun({ ...shared, sender: another, slotState, afterGap: true }).run();
			});
		});
	const reached = reachedBy(progress, cluster, askedAt);
	if (reached) {
		await noteReached(storage, cluster.systemIdentifier, reached, signal).catch((error: unknown) => {
			if (error instanceof BackupError && error.code === 'CANCELLED') throw error;
			notices.push(`That all WAL is stored could not be noted, so reports do not know of it: ${messageOf(error)}`);
		});
	}
	return {
		cluster,
		name,
		stored: stored.map(({ manifest }) => manifest),
		storedLsn: progress.storedLsn,
		lagBefore: before?.heldBytes,
		lagAfter: Number(progress.serverLsn - progress.storedLsn),
		slotRoom: before?.roomBytes,
		gaps,
		coverage: reachingTo(coverageOf(log.cluster), [reached]),
		notices,
	};
}

/**
 * All that the server had written when it was asked where its log ends is stored. Its clock was heard later: as much later, at most, as has
 * gone by here since.
 */
function reachedBy({ serverTime }: RunProgress, { timeline, position }: Cluster, askedAt: number): Reached | undefined {
	if (serverTime === undefined) return undefined;
	const at = new Date(serverTime - (performance.now() - askedAt)).toISOString();
	return { timeline, lsn: position, at };
}

/**
 * The slot as it is. One whose WAL the server has removed is made anew, for it will never be of use again.
 * @returns undefined where there is none
 */
export async function slotOf(
	sender: WalSender,
	{ connection, slot, signal }: Pick<ArchiveWalOptions, 'connection' | 'slot' | 'signal'>,
	notice: (sentence: string) => void,
): Promise<SlotState | undefined> {
	assertSlotName(slot);
	const state = await readSlotState(connection, slot, signal).catch(async (error: unknown) => {
		// Where the role may log in for replication alone, the walsender tells the most important.
		if (!(error instanceof BackupError) || error.code !== 'ACCESS_DENIED') throw error;
		const known = await readSlot(sender, slot);
		return known && { ...UNKNOWN, restartLsn: known.restartLsn };
	});
	if (!state?.isLost) return state;
	await dropSlot(sender, slot);
	await createPhysicalSlot(sender, slot);
	notice(
		`The server had removed WAL that the replication slot ${slot} needed (max_slot_wal_keep_size), so the slot was of no use any more. It was made anew.`,
	);
	return await readSlotState(connection, slot, signal);
}

const UNKNOWN: SlotState = {
	restartLsn: undefined,
	isActive: false,
	activePid: undefined,
	isLost: false,
	heldBytes: undefined,
	roomBytes: undefined,
};
