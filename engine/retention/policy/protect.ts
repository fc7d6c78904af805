import type { RetentionCatalog, UnreadManifest } from '../survey/catalog';
import { isGood, isLogPiece, policySeriesOf, type RetentionEntry } from '../entry';
import { BACKUP_KINDS, CLAIM_SUFFIX, homeOf, seriesOf, type BackupKind } from '../../archive';
import { isFileOf } from '../../archive/naming';
import { weekOfKey } from './periods';
import type { Decisions } from './decisions';

/** Keeps what no policy may delete, apart from what others need. */
export function protect(decisions: Decisions, now: Date): void {
	const { entries } = decisions;
	const thing = thingsIn(entries);
	const good = new Set<string>();
	const verified = new Set<string>();
	const failed = new Map<string, number>();
	for (const [place, entry] of entries.entries()) {
		protectAsHeld(decisions, place, now);
		if (entry.checkpoint || isLogPiece(entry)) continue;
		const series = policySeriesOf(entry);
		if (isGood(entry) && !good.has(series)) {
			good.add(series);
			decisions.keep(place, { rule: 'lastGood', text: `the last good backup of ${thing(entry)}` });
		}
		if (entry.complete && entry.verified === 'passed' && !verified.has(series)) {
			verified.add(series);
			decisions.keep(place, { rule: 'lastVerified', text: `the last verified backup of ${thing(entry)}` });
		}
		if (entry.complete && !failed.has(series)) failed.set(series, place);
	}
	for (const [series, place] of failed) {
		if (good.has(series)) continue;
		// Where all else is lost, something may still be got out of it.
		const text = `failed its verification, but there is no good backup of ${thing(entries[place]!)}`;
		decisions.keep(place, { rule: 'lastLeft', text });
	}
}

/** Checkpoints are kept for a run that broke off, until nobody has gone on with it for so long. */
const RESUMABLE_MS = 7 * 24 * 60 * 60 * 1000;

/**
 * Keeps the checkpoints that no backup of their series has come after: they are of a run that is under way, or that may go on
 * from them. A run may take longer than they are kept otherwise, so the newest of them counts for all.
 */
export function protectCheckpoints(decisions: Decisions, now: Date): void {
	const { entries } = decisions;
	if (!entries.some(({ checkpoint }) => checkpoint)) return;
	const ended = new Map<string, number>();
	const newest = new Map<string, number>();
	for (const entry of entries) {
		const series = seriesOf(entry);
		const finished = Date.parse(entry.finishedAt);
		if (isGood(entry)) ended.set(series, Math.max(ended.get(series) ?? 0, finished));
		if (entry.checkpoint) newest.set(series, Math.max(newest.get(series) ?? 0, finished));
	}
	for (const [place, entry] of entries.entries()) {
		if (!entry.checkpoint) continue;
		const series = seriesOf(entry);
		const isOver = Date.parse(entry.finishedAt) <= (ended.get(series) ?? 0);
		if (isOver || now.getTime() - newest.get(series)! > RESUMABLE_MS) continue;
		decisions.keep(place, { rule: 'resumable', text: `a run of ${entry.name} that broke off can go on from it` });
	}
}

function protectAsHeld(decisions: Decisions, place: number, now: Date): void {
	const { pinned, lockedUntil, legalHold } = decisions.entries[place]!;
	if (pinned) decisions.keep(place, { rule: 'pinned', text: 'pinned' });
	if (lockedUntil !== undefined && Date.parse(lockedUntil) > now.getTime()) {
		decisions.keep(place, { rule: 'locked', text: `locked by the storage until ${lockedUntil}` });
	}
	if (legalHold) {
		decisions.keep(place, { rule: 'legalHold', text: 'under a legal hold in the storage, without an end' });
	}
}

/** Where backups of one kind and name come from: addresses, with the systems behind each, and folders. */
interface Seen {
	origins: Map<string | undefined, Set<string | undefined>>;
	places: Set<string>;
}

/**
 * How to call what an entry is a backup of: by its name, and by its server and folder where several have one of that name.
 * Without them nobody would see why the last backup of a server that has moved stays.
 */
function thingsIn(entries: readonly RetentionEntry[]): (entry: RetentionEntry) => string {
	const idOf = ({ kind, name }: RetentionEntry) => JSON.stringify([kind, name]);
	const known = new Map<string, Seen>();
	for (const entry of entries) {
		const id = idOf(entry);
		const seen: Seen = known.get(id) ?? { origins: new Map(), places: new Set() };
		known.set(id, seen);
		const systems = seen.origins.get(entry.origin) ?? new Set<string | undefined>();
		seen.origins.set(entry.origin, systems.add(entry.system));
		if (weekOfKey(entry.key) === undefined) seen.places.add(homeOf(entry));
	}
	return (entry) => {
		const { name, partial, origin, system, key } = entry;
		const { origins, places } = known.get(idOf(entry))!;
		const details = [
			...(partial === undefined ? [] : [partial]),
			...(origins.size > 1 ? [origin === undefined ? 'of an unknown server' : `of ${origin}`] : []),
			...(origins.get(origin)!.size > 1 ? [`system ${system ?? 'unknown'}`] : []),
			...(places.size > 1 && weekOfKey(key) === undefined ? [`in ${homeOf(entry)}/`] : []),
		];
		return details.length === 0 ? name : `${name} (${details.join(', ')})`;
	};
}

/** A backup that may need others. */
export interface Needing extends Pick<RetentionEntry, 'key' | 'needs'>, Pick<UnreadManifest, 'mayNeed'> {
	/** Set for an archive that is being written: it may use what any backup of the same set holds. */
	isBeingWritten?: true;
	/** Set for one whose manifest cannot be read; its key is that of the manifest. */
	isUnread?: true;
	/** What is known of it, where that is all. */
	entry?: RetentionEntry;
}

/** Backups whose manifests cannot be read stay, so what they need stays with them. */
export function unreadIn({ damaged }: { damaged: readonly UnreadManifest[] }): Needing[] {
	return damaged.map(({ manifestKey, ...needing }) => ({ key: manifestKey, ...needing, isUnread: true }));
}

/** The kinds whose backups use the content of earlier ones. */
const INCREMENTAL: ReadonlySet<string> = new Set<BackupKind>(['files', 'minio', 'postgres-base']);
const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * The archives that writers are at. What they will need stands in no manifest yet. A claim that was not renewed for a day is that of
 * a writer that was killed.
 */
export function writersIn({ others }: Pick<RetentionCatalog, 'others'>, now: Date): Needing[] {
	const writers: Needing[] = [];
	for (const { key, modifiedAt } of others.values()) {
		if (!key.endsWith(CLAIM_SUFFIX) || now.getTime() - modifiedAt.getTime() > DAY_MS) continue;
		writers.push({ key: key.slice(0, -CLAIM_SUFFIX.length), needs: [], isBeingWritten: true });
	}
	return writers;
}

/** @param other of any kind that is known */
function mayBeUsedBy({ key }: Needing, other: RetentionEntry): boolean {
	if (!INCREMENTAL.has(other.kind) || !isFileOf(other.name, key.slice(key.lastIndexOf('/') + 1))) return false;
	return homeOf(other) === homeOf({ key, kind: other.kind });
}

/**
 * Keeps the archives that kept backups cannot be restored without, and those that these need in turn: a backup that is kept
 * for another one's sake stays one that can be restored.
 * @param outside Backups that the plan does not decide on: all of them stay
 */
export function protectNeeded(decisions: Decisions, outside: readonly Needing[]): void {
	const { entries } = decisions;
	const isNeeding = ({ needs }: Needing) => needs.length > 0;
	const waiting: Needing[] = outside.filter(isNeeding);
	for (const [place, entry] of entries.entries()) {
		if (isNeeding(entry) && decisions.isKept(place)) waiting.push(entry);
	}
	const keepFor = (place: number, text: string) => {
		decisions.keep(place, { rule: 'needed', text });
		waiting.push(entries[place]!);
	};
	const keepAllFor = (isMeant: (entry: RetentionEntry) => boolean, text: string) => {
		for (const [place, entry] of entries.entries()) if (isMeant(entry)) keepFor(place, text);
	};
	for (const needing of outside) {
		const { key, isBeingWritten, mayNeed } = needing;
		if (isBeingWritten) {
			keepAllFor((entry) => mayBeUsedBy(needing, entry), `may be needed by ${key}, which is being written`);
		}
		if (mayNeed) keepAllFor((entry) => mayBeNeededBy(needing, entry), `may be needed by ${key}`);
	}
	if (waiting.length === 0) return;
	const byId = new Map<string, number[]>();
	for (const [place, { id }] of entries.entries()) {
		const same = byId.get(id);
		if (same) same.push(place);
		else byId.set(id, [place]);
	}
	const visited = new Set<string>();
	for (let needing = waiting.pop(); needing; needing = waiting.pop()) {
		for (const id of needing.needs) {
			if (visited.has(id)) continue;
			visited.add(id);
			// A weekly copy has the id of its original; either may be the one that is found at a restore.
			for (const needed of byId.get(id) ?? []) keepFor(needed, `needed by ${needing.key}`);
		}
	}
}

/**
 * Whether a backup whose needs are not understood may need another one.
 * @param other has no kind where that is not known: then it may be of any
 */
export function mayBeNeededBy(
	{ key, mayNeed }: Needing,
	other: Pick<RetentionEntry, 'key'> & { kind?: RetentionEntry['kind'] },
): boolean {
	if (!mayNeed || other.kind === 'foreign') return false;
	if (other.kind !== undefined && mayNeed.kind !== undefined && mayNeed.kind !== other.kind) return false;
	const kind = other.kind ?? mayNeed.kind;
	const kinds = kind === undefined ? BACKUP_KINDS : [kind];
	return kinds.some((one) => homeOf({ key: other.key, kind: one }) === homeOf({ key, kind: one }));
}
