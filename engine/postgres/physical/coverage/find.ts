import { listManifests, type ManifestTrust } from '../../../archive';
import type { Storage } from '../../../storage';
import { coverageOf, type Coverage } from './coverage';
import { clustersIn } from './facts';
import { reachingTo, readReached } from './reached';

/** What can be recovered of one cluster. */
export interface ClusterCoverage {
	/** How its newest backup is called. */
	name: string;
	coverage: Coverage;
}

/**
 * What can be recovered of each cluster whose base backups or WAL a storage holds, by name.
 * @param prefix of keys: `postgres/`, or the empty string for all
 * @throws BackupError as listManifests does
 */
export async function findCoverage(
	storage: Storage,
	prefix: string,
	{ trust, signal }: { trust?: ManifestTrust | undefined; signal?: AbortSignal | undefined },
): Promise<ClusterCoverage[]> {
	const kind = ['postgres-base', 'postgres-wal'] as const;
	const { backups } = await listManifests(storage, prefix, { kind }, signal, trust);
	const names = new Map<string, string>();
	for (const { manifest } of backups) {
		const { systemIdentifier } = manifest.source;
		if (typeof systemIdentifier === 'string' && !names.has(systemIdentifier))
			names.set(systemIdentifier, manifest.name);
	}
	const found: ClusterCoverage[] = [];
	for (const facts of clustersIn(backups).values()) {
		const reached = await readReached(storage, facts.systemIdentifier, signal);
		const coverage = reachingTo(coverageOf(facts), [reached]);
		found.push({ name: names.get(facts.systemIdentifier) ?? '', coverage });
	}
	return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}
