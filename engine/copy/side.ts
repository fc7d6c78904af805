import {
	CLAIM_SUFFIX,
	MANIFEST_SUFFIX,
	scanBackups,
	type DamagedManifest,
	type ListedBackup,
	type ManifestSummary,
	type ManifestTrust,
} from '../archive';
import { newestFirst } from '../archive/catalog/list';
import { canonicalJson } from '../archive/manifest/canonical';
import type { Storage } from '../storage/storage';

/** One of the two storages, as it was found. */
export interface Side {
	storage: Storage;
	/** All backups, and checkpoints, by id: a backup before its weekly copies. */
	byId: ReadonlyMap<string, readonly ListedBackup[]>;
	/** Manifests that cannot be read, or are not to be believed, by the keys of their archives. */
	damaged: ReadonlyMap<string, DamagedManifest>;
	/** Bytes of archives that have no manifest, by key; true where the claim of a writer stands beside one. */
	bare: ReadonlyMap<string, { size: number; isClaimed: boolean }>;
	/** Knows keys of archives of which anything was listed: the archive, its manifest, a record of its verifications. */
	listing: { has: (key: string) => boolean };
}

/**
 * Looks at a storage.
 * @param trust by what its manifests are believed
 * @throws BackupError CANCELLED, STORAGE_UNREACHABLE, and what listing throws
 */
export async function readSide(
	storage: Storage,
	trust: ManifestTrust,
	{ saves, signal }: { saves: boolean; signal: AbortSignal | undefined },
): Promise<Side> {
	const byId = new Map<string, ListedBackup[]>();
	const found = await scanBackups<never>(storage, {
		trust,
		signal,
		save: saves ? 'worthwhile' : 'never',
		keep: (backup) => {
			const { id } = backup.manifest;
			byId.set(id, [...(byId.get(id) ?? []), backup]);
			return undefined;
		},
	});
	for (const copies of byId.values()) copies.sort(newestFirst);
	const bare = new Map<string, { size: number; isClaimed: boolean }>();
	for (const { key, size, manifestSize } of found.listing) {
		if (size === undefined || manifestSize !== undefined || key.endsWith(CLAIM_SUFFIX)) continue;
		bare.set(key, { size, isClaimed: found.listing.has(`${key}${CLAIM_SUFFIX}`) });
	}
	const damaged = new Map(found.damaged.map((one) => [one.manifestKey.slice(0, -MANIFEST_SUFFIX.length), one]));
	return { storage, byId, damaged, bare, listing: found.listing };
}

/** Whether its archive is there, in the size that its manifest states. */
export function isComplete({ manifest, foundSize }: ListedBackup): boolean {
	return foundSize === manifest.size.stored;
}

/**
 * Whether two manifests are of the same backup: they say the same, but for a pin, which people set and lift in each storage
 * by itself; or one is of the archive that the other was encrypted from on its way.
 */
export function isSameBackup(one: ManifestSummary, other: ManifestSummary): boolean {
	return factsOf(one) === factsOf(other);
}

/** What a manifest says of the backup itself, as one text; that it was encrypted on its way is no part of it. */
export function factsOf(manifest: ManifestSummary & { originalManifest?: string | undefined }): string {
	const { pinned: _pinned, original, originalManifest: _text, ...facts } = manifest;
	if (!original) return canonicalJson(facts);
	const { file, sha256, stored } = original;
	const { proof: _proof, ...before } = facts;
	return canonicalJson({ ...before, file, sha256, size: { ...before.size, stored }, encryption: null });
}
