import { BackupError, throwIfCancelled } from '../../errors';
import type { QdrantClient } from '../client/client';
import { describeScope } from '../client/scope';
import { UNKNOWN_PEER } from '../server/topology';
import type { LedgerEntry, SnapshotLedger } from './ledger';
import { type OwnSnapshot, removeOwnSnapshot, snapshotsIn } from './ownSnapshot';
import { reclaimUpload } from './uploads';

/**
 * How far it may be where it is the only candidate: nobody else is likely to have asked for one just then, and our request led
 * to no other.
 */
const OWN_WINDOW_MS = 10_000;
/** How far a snapshot's name may be from the moment at which it was asked for; a busy server or proxy takes its time. */
const WINDOW_MS = 60_000;
/** How long a snapshot is looked for that may still come, because the server is at work or its collection is deleted. */
const GIVE_UP_AFTER_MS = 7 * 24 * 60 * 60 * 1000;

export interface StaleSnapshots {
	/** Names of the snapshots that were removed. */
	removed: string[];
	/** What may be ours and was left, because nothing proves it; what could not be removed. */
	warnings: string[];
}

interface Search {
	clients: ReadonlyMap<string, QdrantClient>;
	/** Snapshots in the ledger: those that are ours for sure. */
	names: ReadonlySet<string>;
	found: StaleSnapshots;
	signal: AbortSignal | undefined;
}

/**
 * Removes from the servers what earlier runs of ours left there: snapshots in the ledger whose run has ended and whose
 * name a server reported when it made them, and files that were uploaded. Where a run was killed before that answer, the
 * one snapshot that was not there before and was begun when the run asked for it is its own. Where there are several, or the
 * answer was lost, so that the request may never have arrived, nothing tells our snapshot from one that somebody else asked
 * for at the same moment: what may be ours is named, once, and left. Entries of servers that are not
 * asked (another cluster that uses the same storage) stay in the ledger.
 * @param clients The servers that can be reached, by peer id.
 */
export async function removeStaleSnapshots(
	clients: ReadonlyMap<string, QdrantClient>,
	ledger: SnapshotLedger,
	signal?: AbortSignal,
): Promise<StaleSnapshots> {
	const { abandoned, names, damaged } = await ledger.read();
	const found: StaleSnapshots = { removed: [], warnings: damaged.map(damagedEntry) };
	const search = { clients, names, found, signal };
	for (const entry of abandoned) {
		throwIfCancelled(signal);
		const client = clientOf(search, entry);
		if (!client) continue;
		try {
			const isDone = await settleEntry(search, client, entry);
			if (isDone || isOld(entry)) await ledger.remove(entry.key);
		} catch (error) {
			if (error instanceof BackupError && error.code === 'CANCELLED') throw error;
			found.warnings.push(`A stale snapshot on ${client.server} could not be removed: ${(error as Error).message}`);
		}
	}
	return found;
}

/** By the peer's id; by the address where the id was not known then or is not now, since the server has no collections. */
function clientOf({ clients }: Search, { peerId, server, snapshot, isUpload }: LedgerEntry): QdrantClient | undefined {
	const client = clients.get(peerId);
	if (client && peerId !== UNKNOWN_PEER) return client;
	const [[id, sole] = []] = clients.size === 1 ? [...clients] : [];
	if (sole?.server !== server || (id !== UNKNOWN_PEER && peerId !== UNKNOWN_PEER)) return undefined;
	// Another server may have that address now, so its snapshot has to have our bytes, or is only named. No other file has the
	// name of one that was uploaded.
	return snapshot && !snapshot.checksum && !isUpload ? undefined : sole;
}

/** Whether nothing of an entry is left to be done. */
async function settleEntry(search: Search, client: QdrantClient, entry: LedgerEntry): Promise<boolean> {
	const { snapshot, scope, isUpload } = entry;
	if (!snapshot) return await removeUnnamed(search, client, entry);
	if (!isUpload || scope.collection === undefined) return await removeStale(search, client, entry, snapshot);
	if (await reclaimUpload(client, scope.collection, snapshot.name, search.signal)) {
		search.found.removed.push(snapshot.name);
	}
	return true;
}

/** Whether nothing of it is left to be done. */
async function removeStale(
	{ found, signal }: Search,
	client: QdrantClient,
	{ scope }: LedgerEntry,
	snapshot: OwnSnapshot,
): Promise<boolean> {
	const removal = await removeOwnSnapshot(client, scope, snapshot, signal);
	if (removal === 'removed') found.removed.push(snapshot.name);
	if (removal === 'replaced') {
		found.warnings.push(
			`${snapshot.name} on ${client.server} was left: a backup that was cut off had made one of this name, but somebody else has replaced it.`,
		);
	}
	return removal !== 'outOfReach';
}

/** Whether there was any; if not, the server may still be making it. */
async function removeUnnamed(search: Search, client: QdrantClient, entry: LedgerEntry): Promise<boolean> {
	const { names, found, signal } = search;
	const snapshots = (await snapshotsIn(client, entry.scope, signal)) ?? [];
	const candidates = snapshots.map(({ name }) => name).filter((name) => !names.has(name) && mayBe(name, entry));
	const [sole, ...others] = candidates;
	if (sole === undefined) return false;
	// By the address alone, the server may be another one by now.
	const isSure = others.length === 0 && !entry.isDoubtful && entry.peerId !== UNKNOWN_PEER;
	if (isSure && mayBe(sole, entry, OWN_WINDOW_MS)) {
		return await removeStale(search, client, entry, { name: sole });
	}
	found.warnings.push(
		`A backup that was cut off at ${entry.askedAt.toISOString()} may have left ${candidates.join(' or ')} of ${describeScope(entry.scope)} on ${client.server}. ` +
			'Somebody else may have made it as well, so it was left: if nobody needs it, remove it by Delete Server Snapshots.',
	);
	return true;
}

function mayBe(name: string, { askedAt, present }: LedgerEntry, within = WINDOW_MS): boolean {
	const begunAt = snapshotTime(name);
	if (begunAt === undefined || present.includes(name)) return false;
	const delay = begunAt.getTime() - askedAt.getTime();
	return delay >= 0 && delay <= within;
}

function isOld({ askedAt }: LedgerEntry): boolean {
	return Date.now() - askedAt.getTime() > GIVE_UP_AFTER_MS;
}

function damagedEntry(key: string): string {
	return (
		`A note of a snapshot on a server was damaged, and is kept as ${key}: if a backup was cut off, its snapshot may still ` +
		'be on the server. List Server Snapshots tells what is there.'
	);
}

/** The moment in a snapshot's name (`docs-4466304464839633-2026-11-21-09-05-09.snapshot`), which is UTC. */
export function snapshotTime(name: string): Date | undefined {
	const [, date, hours, minutes, seconds] = /-(\d{4}-\d\d-\d\d)-(\d\d)-(\d\d)-(\d\d)\.snapshot$/.exec(name) ?? [];
	if (date === undefined) return undefined;
	const time = new Date(`${date}T${hours}:${minutes}:${seconds}Z`);
	return Number.isNaN(time.getTime()) ? undefined : time;
}
