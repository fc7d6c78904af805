/** What a storage has of one cluster's WAL: found by the catalogue once, and kept up with what is stored and removed afterwards. */
import { listManifests, manifestKeyOf, VERIFICATION_SUFFIX, type ManifestTrust } from '../../../archive';
import { BackupError, messageOf } from '../../../errors';
import type { Storage } from '../../../storage';
import {
	clustersIn,
	resumePoint,
	stretchFacts,
	type Ancestor,
	type ClusterFacts,
	type StretchFacts,
} from '../coverage';
import type { StoredStretch } from './collector';

export class StoredLog {
	readonly #storage: Storage;
	readonly #cluster: ClusterFacts;
	/** Of these the manifest says that they stay. */
	readonly #pinned: ReadonlySet<string>;

	private constructor(storage: Storage, cluster: ClusterFacts, pinned: ReadonlySet<string>) {
		this.#storage = storage;
		this.#cluster = cluster;
		this.#pinned = pinned;
	}

	/**
	 * Looks what there is, in all folders.
	 * @throws BackupError as listManifests does
	 */
	static async find(
		storage: Storage,
		systemIdentifier: string,
		{ trust, signal }: { trust?: ManifestTrust | undefined; signal?: AbortSignal | undefined },
	): Promise<StoredLog> {
		const kind = ['postgres-base', 'postgres-wal'] as const;
		const { backups } = await listManifests(storage, '', { kind }, signal, trust);
		const cluster = clustersIn(backups).get(systemIdentifier) ?? { systemIdentifier, bases: [], stretches: [] };
		const pinned = new Set(backups.flatMap(({ manifest, key }) => (manifest.pinned ? [key] : [])));
		return new StoredLog(storage, cluster, pinned);
	}

	get cluster(): ClusterFacts {
		return this.#cluster;
	}

	/** Where archiving goes on: see coverage/resume.ts. */
	resumePoint(path: readonly Ancestor[]) {
		return resumePoint(path, this.#cluster.stretches);
	}

	/** Notes what was stored just now. */
	add({ manifest, key }: StoredStretch): void {
		const stretch = stretchFacts(manifest, key);
		if (stretch) this.#cluster.stretches.push(stretch.facts);
	}

	/**
	 * Removes the stretches with a segment that went on, where what was stored just now has all that they have. The new one is durable, so
	 * nothing is lost whatever happens here.
	 * @returns what could not be removed, in whole sentences: it does no harm, for of two stretches the longer one counts
	 */
	async removeReplaced(by: StoredStretch, signal: AbortSignal | undefined): Promise<string[]> {
		const failures: string[] = [];
		for (const stretch of this.#cluster.stretches.filter((one) => isReplaced(one, by) && !this.#pinned.has(one.key))) {
			try {
				await removeStretch(this.#storage, stretch.key, signal);
				this.#cluster.stretches.splice(this.#cluster.stretches.indexOf(stretch), 1);
			} catch (error) {
				if (error instanceof BackupError && error.code === 'CANCELLED') throw error;
				failures.push(`${stretch.key} is replaced by ${by.key}, but could not be removed: ${messageOf(error)}`);
				// Not tried again and again: retention removes it one day.
				this.#cluster.stretches.splice(this.#cluster.stretches.indexOf(stretch), 1);
			}
		}
		return failures;
	}
}

function isReplaced(stretch: StretchFacts, by: StoredStretch): boolean {
	return (
		stretch.isPartial &&
		stretch.key !== by.key &&
		stretch.timeline === by.timeline &&
		stretch.startLsn >= by.startLsn &&
		stretch.endLsn <= by.endLsn
	);
}

/** The manifest first: an archive without one is none. */
async function removeStretch(storage: Storage, key: string, signal: AbortSignal | undefined): Promise<void> {
	for (const part of [manifestKeyOf(key), key, `${key}${VERIFICATION_SUFFIX}`]) {
		const [failure] = await storage.removeMany([part], signal);
		if (failure) throw failure.error;
	}
}
