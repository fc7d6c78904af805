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
import { SharedFacts } from '../archive/catalog/shared-facts';
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
 * What both sides have in common, each of it held once: most of what one of them has, the other one has as well, and of tens of thousands
 * of backups each manifest takes kilobytes.
 */
export class BothSides {
	readonly #facts = new SharedFacts();
	readonly #byId = new Map<string, ListedBackup>();

	/** The backup, with what is held already in the place of what says the same. */
	held(backup: ListedBackup): ListedBackup {
		const { id } = backup.manifest;
		const twin = this.#byId.get(id);
		if (twin && sayTheSame(twin.manifest, backup.manifest)) {
			const { manifest, key, manifestKey, folder } = twin;
			return { ...backup, manifest, ...(key === backup.key && { key, manifestKey, folder }) };
		}
		const held = { ...backup, manifest: this.#facts.of(backup.manifest) };
		if (!twin) this.#byId.set(id, held);
		return held;
	}
}

/**
 * Looks at a storage.
 * @param trust by what its manifests are believed
 * @throws BackupError CANCELLED, STORAGE_UNREACHABLE, and what listing throws
 */
export async function readSide(
	storage: Storage,
	trust: ManifestTrust,
	{ saves, both, signal }: { saves: boolean; both: BothSides; signal: AbortSignal | undefined },
): Promise<Side> {
	const byId = new Map<string, ListedBackup[]>();
	const found = await scanBackups<never>(storage, {
		trust,
		signal,
		save: saves ? 'worthwhile' : 'never',
		keep: (backup) => {
			const { id } = backup.manifest;
			const copies = byId.get(id);
			if (copies) copies.push(both.held(backup));
			else byId.set(id, [both.held(backup)]);
			return undefined;
		},
	});
	for (const copies of byId.values()) if (copies.length > 1) copies.sort(newestFirst);
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
	return one === other || factsOf(one) === factsOf(other);
}

/** Whether two manifests say the same in the same order, member by member; what does not may still be the same. */
function sayTheSame(one: ManifestSummary, other: ManifestSummary): boolean {
	const names = Object.keys(one) as (keyof ManifestSummary)[];
	if (names.length !== Object.keys(other).length) return false;
	return names.every((name) => one[name] === other[name] || JSON.stringify(one[name]) === JSON.stringify(other[name]));
}

/** What a manifest says of the backup itself, as one text; that it was encrypted on its way is no part of it. */
export function factsOf(manifest: ManifestSummary & { originalManifest?: string | undefined }): string {
	const { pinned: _pinned, original, originalManifest: _text, ...facts } = manifest;
	if (!original) return canonicalJson(facts);
	const { file, sha256, stored } = original;
	const { proof: _proof, ...before } = facts;
	return canonicalJson({ ...before, file, sha256, size: { ...before.size, stored }, encryption: null });
}
