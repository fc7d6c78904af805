/**
 * Series: the backups of one thing. What may stand for what, which one is the newest, what a trend is made of, what a drill
 * has to bring back: all that asks here. One thing is a kind, a source (a server), a name and a folder. A name alone tells
 * too little: the roles of every server are called `globals`, and every second one has a database `postgres`.
 *
 * Where it is not certain, backups count as different: then one more is kept or tried, and the other way round the last backup
 * of a server could go for one of another. So a server that has moved to another address begins a new series, and the old
 * one keeps its last backup; and one that took over the address of another does not take over its series.
 */
import type { ManifestSummary } from './catalog/entry';
import type { BackupKind, Manifest, PartialBackup } from './manifest/manifest';
import { folderOf, usualFolder, weekOfFolder } from './naming';

/** The system that a backup was read from, as far as its manifest tells. */
export interface SourceIdentity {
	/** Its address: `db.example.com:5432`, `http://qdrant:6333`. Two servers may be reached by one, as `postgres:5432`. */
	origin?: string | undefined;
	/** What it calls itself: PostgreSQL's system identifier. Manifests of before it was noted have none. */
	system?: string | undefined;
}

/** What tells the series of a backup. */
export interface SeriesFacts extends SourceIdentity {
	kind: string;
	name: string;
	/** The key of the archive. */
	key: string;
	/** Where it is known better than the key tells: of a weekly copy, the folder of its original. */
	home?: string | undefined;
	/** Set by completeSources where `system` is what it has filled in. */
	isSystemInferred?: boolean;
}

/** The source of a backup. */
export function sourceOf({
	source: { host, port, server, systemIdentifier },
}: Pick<Manifest, 'source'>): SourceIdentity {
	const system = typeof systemIdentifier === 'string' ? systemIdentifier : undefined;
	if (typeof host === 'string') return { origin: typeof port === 'number' ? `${host}:${port}` : host, system };
	return { origin: typeof server === 'string' ? server : undefined, system };
}

/** The folder of a backup, `postgres`; of a weekly copy, that of its original. */
export function homeOf({ kind, key, home }: Pick<SeriesFacts, 'kind' | 'key' | 'home'>): string {
	if (home !== undefined) return home;
	const folder = folderOf(key);
	const copy = weekOfFolder(folder);
	return copy ? copy.place || usualFolder(kind as BackupKind) : folder;
}

/**
 * Physical backups: of a cluster, whichever of its servers they were read from and whatever address that had. A standby that takes over
 * goes on with the series, for its system identifier is the same.
 */
const OF_A_CLUSTER: ReadonlySet<string> = new Set<BackupKind>(['postgres-base', 'postgres-wal']);

/** Whether a backup is one of a whole cluster, told by what the cluster calls itself. */
export function isOfCluster<T extends Pick<SeriesFacts, 'kind' | 'system'>>(facts: T): facts is T & { system: string } {
	return OF_A_CLUSTER.has(facts.kind) && facts.system !== undefined;
}

/** Names the series of a backup, once `completeSources` has seen all of them. */
export function seriesOf(facts: SeriesFacts): string {
	if (isOfCluster(facts)) return JSON.stringify([facts.kind, facts.system, homeOf(facts)]);
	return JSON.stringify([facts.kind, facts.name, facts.origin, facts.system, homeOf(facts)]);
}

/**
 * What a partial backup is limited to, `schema`, `all --table=public.users`; undefined for a whole one. Within a series no backup
 * stands for one of another part.
 */
export function partOf(partial: PartialBackup | undefined): string | undefined {
	return partial && [partial.content, ...[...partial.selection].sort()].join(' ');
}

/**
 * Fills in what older manifests do not tell: where all backups of a name in a folder that do tell it come from one server
 * at that address, the others are of it, too. Otherwise updating this package would begin new series everywhere.
 */
export function completeSources(backups: readonly SeriesFacts[]): void {
	const known = new Map<string, Set<string>>();
	// Field by field: what is given may be views, whose fields are not their own.
	const placeOf = ({ kind, name, key, home, origin }: SeriesFacts) => seriesOf({ kind, name, key, home, origin });
	for (const facts of backups) {
		if (facts.system === undefined || facts.origin === undefined) continue;
		const place = placeOf(facts);
		known.set(place, (known.get(place) ?? new Set()).add(facts.system));
	}
	if (known.size === 0) return;
	for (const facts of backups) {
		if (facts.system !== undefined || facts.origin === undefined) continue;
		const [system, ...others] = known.get(placeOf(facts)) ?? [];
		if (others.length > 0) continue;
		facts.system = system;
		facts.isSystemInferred = true;
	}
}

/** The series of some backups, by backup. @param all everything that the storage holds of them */
export function seriesIn<T extends { manifest: ManifestSummary; key: string }>(
	all: readonly T[],
): ReadonlyMap<T, string> {
	const originals = new Map<string, string>();
	for (const { manifest, key } of all) {
		const folder = folderOf(key);
		if (!weekOfFolder(folder)) originals.set(manifest.id, folder);
	}
	const facts = all.map(({ manifest, key }) => {
		const { id, kind, name } = manifest;
		const home = weekOfFolder(folderOf(key))?.place === '' ? (manifest.folder ?? originals.get(id)) : undefined;
		return { kind, name, key, home, ...sourceOf(manifest) };
	});
	completeSources(facts);
	return new Map(all.map((entry, index) => [entry, seriesOf(facts[index]!)]));
}

/** Whether two backups are certainly of two servers. */
export function areOfTwoSources(one: SourceIdentity, other: SourceIdentity): boolean {
	const differ = (a: string | undefined, b: string | undefined) => a !== undefined && b !== undefined && a !== b;
	return differ(one.origin, other.origin) || differ(one.system, other.system);
}
