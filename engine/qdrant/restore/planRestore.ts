/** What a restore of a collection would meet and replace: asked by the very checks of the restore, and changed in nothing. */
import { assertRoomForCopy, checkKeptCopies, RestoreCheck } from '../../archive';
import type { BackupError } from '../../errors';
import type { QdrantConnection } from '../client/connection';
import { countPoints } from '../server/collectionState';
import { findPeers, type Topology } from '../server/topology';
import { assertCompatible, assertVersion } from './compatibility';
import { assertSingle, isSharded } from './load/load';
import { assertConfirmed, assertMayReplace, resolveName, type RestoreCollectionTarget } from './restoreCollection';
import type { RestoreSource } from './source';
import { keptCopies } from './swap/names';

/** The collection that a restore goes into, as it is now. */
export interface TargetCollection {
	exists: boolean;
	/** The collection behind the name, where that is an alias. */
	behind?: string;
	points?: number;
	/** What earlier safe swaps have kept, newest first. */
	copies: string[];
}

export interface CollectionRestorePlan {
	/** Undefined where the server could not be asked. */
	target: TargetCollection | undefined;
	/** Why the restore would be refused, or could not succeed. */
	problems: BackupError[];
}

export interface PlanCollectionOptions {
	connection: QdrantConnection;
	target: RestoreCollectionTarget;
	/** Opens what is to be restored, and proves what can be proved in seconds. */
	open: () => Promise<RestoreSource>;
	/** The version of the server that made the snapshot, where the source does not state it. */
	snapshotVersion?: string | undefined;
	signal?: AbortSignal | undefined;
}

/** @throws BackupError CANCELLED; whatever else a restore would end with is among the problems */
export async function planCollectionRestore(options: PlanCollectionOptions): Promise<CollectionRestorePlan> {
	const { connection, target, open, snapshotVersion, signal } = options;
	const { collection: name } = target;
	const check = new RestoreCheck();
	const source = await check.ask(open);
	await check.ask(() => assertConfirmed(target));
	const topology = await check.ask(async () => await findPeers(connection, 'target', signal));
	if (!topology) return { target: undefined, problems: check.problems };
	if (source) {
		const made = source.facts?.version ?? snapshotVersion;
		await check.ask(async () => {
			if (made !== undefined) assertVersion(made, (await topology.client.version(signal)).version);
		});
		await check.ask(() => {
			if (!isSharded(source)) assertSingle(topology, source);
		});
	}
	const found = await check.ask(async () => await describeTarget(topology, name, signal));
	if (!found) return { target: undefined, problems: check.problems };
	const behind = found.exists ? (found.behind ?? name) : undefined;
	await check.ask(async () => await assertMayReplace(topology, target, behind));
	if (target.type === 'safeSwap' && target.keptCopies !== undefined && behind !== undefined) {
		const most = target.keptCopies;
		await check.ask(() => {
			checkKeptCopies(most);
			assertRoomForCopy(name, found.copies, most);
		});
	}
	const shape = source?.facts ?? source?.shape;
	if (target.type === 'existing' && behind === name && shape) {
		await check.ask(async () => await assertCompatible(topology, name, shape, signal));
	}
	return { target: found, problems: check.problems };
}

async function describeTarget(
	topology: Topology,
	name: string,
	signal: AbortSignal | undefined,
): Promise<TargetCollection> {
	const behind = await resolveName(topology, name, signal);
	const copies = await keptCopies({ topology, ...(signal && { signal }) }, name);
	if (behind === undefined) return { exists: false, copies };
	const { points } = await countPoints(topology.client, behind, signal);
	return { exists: true, points, copies, ...(behind !== name && { behind }) };
}
