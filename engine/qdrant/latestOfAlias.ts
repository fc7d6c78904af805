/** Backups by an alias: a safe swap gives an alias to another collection, and what clients call by one name lies under several. */
import {
	type BackupReference,
	findBackup,
	type KnownBackup,
	type ManifestSummary,
	type ManifestTrust,
	scanBackups,
} from '../archive';
import { BackupError } from '../errors';
import type { Storage } from '../storage';

/** The references that go by what was backed up, which may be an alias here. */
export type NamedReference = Extract<BackupReference, { latest: string } | { id: string }>;

/**
 * The same backup by the name of its collection, where the name that was given is an alias which the collection had when it was backed
 * up: of the latest one, that which had it last. Where it is the name of a collection, and no alias has had it since, the reference as it is.
 * @param prefix where to look: `qdrant/`
 * @throws BackupError as listing does, and STORAGE_MISSING and the like as `findBackup` does of an id
 */
export async function byCollection(
	storage: Storage,
	reference: NamedReference,
	prefix: string,
	signal?: AbortSignal,
	trust: ManifestTrust = {},
): Promise<NamedReference> {
	if ('id' in reference) {
		const { id, name } = reference;
		if (name === undefined) return reference;
		const found = await findBackup(storage, { id }, prefix, signal, trust).catch(ofAbsence);
		return found && aliasesAt(found).includes(name) ? { id, name: found.manifest.name } : reference;
	}
	const { latest: name, endedBy } = reference;
	const until = endedBy?.getTime() ?? Infinity;
	const meant: { newest?: ManifestSummary } = {};
	/** The newest of each collection: a storage may hold very many backups, and few names. */
	const last = new Map<string, Times>();
	await scanBackups<never>(storage, {
		prefix,
		trust,
		signal,
		keep: (backup) => {
			const { manifest } = backup;
			if (manifest.kind !== 'qdrant' || Date.parse(manifest.finishedAt) > until) return undefined;
			const { name: collection, startedAt, finishedAt } = manifest;
			if (isNewer(manifest, last.get(collection))) last.set(collection, { startedAt, finishedAt });
			const isMeant = collection === name || aliasesAt(backup).includes(name);
			if (isMeant && isNewer(manifest, meant.newest)) meant.newest = manifest;
			return undefined;
		},
	});
	const { newest } = meant;
	if (!newest || newest.name === name) return reference;
	// Of a collection that was backed up once more after it had lost the alias, the newest backup is another one.
	const isLast = !isNewer(last.get(newest.name), newest);
	return { ...reference, latest: newest.name, ...(!isLast && { endedBy: new Date(newest.finishedAt) }) };
}

type Times = Pick<ManifestSummary, 'startedAt' | 'finishedAt'>;

/** The order of lists (archive/catalog/list.ts). */
function isNewer(one: Times | undefined, than: Times | undefined): boolean {
	if (!one || !than) return one !== undefined;
	if (one.startedAt !== than.startedAt) return one.startedAt > than.startedAt;
	return one.finishedAt > than.finishedAt;
}

/** Which aliases a collection had when it was backed up. */
export function aliasesAt({ manifest: { source } }: Pick<KnownBackup, 'manifest'>): string[] {
	const aliases: unknown = source['aliases'];
	return Array.isArray(aliases) ? aliases.filter((alias): alias is string => typeof alias === 'string') : [];
}

/** What is not there is told by whoever looks for it next, by the name that was given. */
function ofAbsence(error: unknown): undefined {
	if (error instanceof BackupError && error.code === 'STORAGE_MISSING') return undefined;
	throw error;
}
