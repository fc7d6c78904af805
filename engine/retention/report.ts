import type { BackupError } from '../errors';
import type { RetentionEntry } from './entry';
import type { Stuck } from './failures';
import type { LogReport } from './log-report';
import type { Decision, Refusal, RetentionPlan } from './policy/plan';
import type { Reason } from './policy/decisions';

/** One backup, and what retention makes of it. */
export interface PruneRow {
	/** A weekly copy has the id of its original; a foreign file has its key. */
	id: string;
	kind: RetentionEntry['kind'];
	name: string;
	key: string;
	/** When the backup began: ISO 8601, UTC. */
	date: string;
	/** Bytes of the archive. */
	size: number;
	verdict: 'keep' | 'delete';
	/** All that apply, in plain words; at least one. */
	reasons: string[];
	/** What each of them is, in their order. */
	rules: Array<Reason['rule']>;
	/** The server that was backed up, where the manifest says so: `db.example.com:5432`. */
	origin: string | null;
	/** What a partial backup was limited to, `schema`; null for a whole one. */
	partial: string | null;
	pinned: boolean;
	/** Whether the storage refuses to delete it. Only asked for where it was to be deleted. */
	locked: boolean;
	/** ISO 8601; null where nothing holds it, or where a legal hold does, which has no end. */
	lockedUntil: string | null;
	/** What its latest verification found; null where there was none. */
	verified: 'passed' | 'failed' | null;
	/** False where the archive is missing, or has another size than its manifest states. */
	complete: boolean;
}

/** Counts backups, weekly copies and foreign files included, and bytes; a dry run's are what a run would do. */
export interface PruneTotals {
	kept: number;
	deleted: number;
	/** Bytes of what is kept; what hard links share is counted once. */
	keptBytes: number;
	/** Bytes that become free, WAL and orphans included: not those that a hard link of something kept still takes up. */
	freedBytes: number;
	/** Bytes of what was deleted that such a hard link still takes up: in a folder, weekly copies are such links. */
	sharedBytes: number;
	/** How many of the deleted are counted without bytes: their archive is missing, or not of the size that was stated. */
	incomplete: number;
	walDeleted: number;
}

/** A weekly copy that was made; in a dry run, that would be made. */
export interface WeeklyCopyReport {
	id: string;
	from: string;
	to: string;
	size: number;
	/** Why it could not be made; the others went on. */
	error: BackupError | null;
}

/** One archive of WAL. */
export interface WalReport {
	/** `postgres/wal/` */
	folder: string;
	kept: number;
	keptBytes: number;
	/** Segments deleted; in a dry run, that would be. */
	deleted: number;
	freedBytes: number;
	/** All that were to go up to this one are gone; null where the oldest of them is still there. */
	deletedUpTo: string | null;
	/** What is kept, in plain words. */
	reason: string;
	/** Why nothing is deleted, where something looks wrong. */
	refusal: string | null;
	/** Why it broke off. */
	error: BackupError | null;
}

/** A manifest that was left alone, and why. */
export interface LeftAlone {
	manifestKey: string;
	message: string;
}

export interface PruneReport {
	dryRun: boolean;
	/** One a backup, newest first; the same in a dry run. In a refused run, what the policy would do. */
	rows: PruneRow[];
	totals: PruneTotals;
	/** Why nothing was done, although the policy lets some go. */
	refusal: Refusal | null;
	/** What the rows and the refusal come from. */
	plan: RetentionPlan;
	/** Backups deleted in this run; none in a dry run. */
	deleted: RetentionEntry[];
	/** Backups that should have gone, and why they did not. Others went on. */
	failed: Array<{ entry: RetentionEntry; error: BackupError }>;
	weeklyCopies: WeeklyCopyReport[];
	wal: WalReport[];
	/** Our own WAL, one for each cluster. Its archives are among the rows as well. */
	logs: LogReport[];
	/** Keys of unfinished writes, copies and deletions of earlier runs; cleaned up in this run. */
	swept: string[];
	/** What could not be tidied up, which did no harm: stale artifacts, pointers. */
	stuck: Stuck[];
	/** Keys of stale artifacts that are certainly ours, older than a day. */
	orphans: string[];
	/** Keys of archives without a manifest that only look like ours: nothing proves that they are. */
	unproven: string[];
	/** Those of both that were removed. */
	removedOrphans: string[];
	/** Manifests that are damaged or lost: left alone, and their archives with them. */
	damaged: LeftAlone[];
	/** Manifests that a newer version of this package has made: left alone as well. */
	newer: LeftAlone[];
	/** What people should know of deletions in this storage: that it keeps older versions. */
	notes: string[];
	/** What the policy names and the storage does not hold: a misspelt name would go by the general rules. */
	unused: { names: string[]; patterns: string[] };
}

/** The row of a decision. @param now Decides which locks are over */
export function rowOf({ entry, action, reasons }: Decision, now: Date): PruneRow {
	const { id, kind, name, key, startedAt, size, pinned, verified, complete, legalHold } = entry;
	const isRetained = entry.lockedUntil !== undefined && Date.parse(entry.lockedUntil) > now.getTime();
	return {
		id,
		kind,
		name,
		key,
		date: startedAt,
		size,
		verdict: action,
		reasons: reasons.map(({ text }) => text),
		rules: reasons.map(({ rule }) => rule),
		origin: entry.origin ?? null,
		partial: entry.partial ?? null,
		pinned,
		locked: isRetained || legalHold,
		lockedUntil: isRetained ? entry.lockedUntil! : null,
		verified: verified ?? null,
		complete,
	};
}

/** @param gone Backups that were deleted, or would be */
export function totalsOf(plan: RetentionPlan, gone: ReadonlySet<RetentionEntry>): PruneTotals {
	const counted = new Set<string>();
	const keptBytes = bytesOf(staying(plan, gone), counted);
	const sharedBytes = bytesStillShared(gone, counted);
	const freedBytes = bytesOf(gone, counted);
	const incomplete = [...gone].filter(({ complete }) => !complete).length;
	const kept = plan.decisions.reduce((count, { entry }) => (gone.has(entry) ? count : count + 1), 0);
	return { kept, deleted: gone.size, keptBytes, freedBytes, sharedBytes, incomplete, walDeleted: 0 };
}

/**
 * Bytes that become free where some backups go.
 * @param all those that go and those that stay
 */
export function freedBytesOf(gone: ReadonlySet<RetentionEntry>, all: readonly RetentionEntry[]): number {
	const shared = new Set<string>();
	for (const entry of all) {
		if (entry.complete && entry.sharedAs !== undefined && !gone.has(entry)) shared.add(entry.sharedAs);
	}
	return bytesOf(gone, shared);
}

function* staying({ decisions }: RetentionPlan, gone: ReadonlySet<RetentionEntry>): Generator<RetentionEntry> {
	for (const { entry } of decisions) if (!gone.has(entry)) yield entry;
}

/** @param kept What shared bytes are those of something kept */
function bytesStillShared(gone: Iterable<RetentionEntry>, kept: ReadonlySet<string>): number {
	const shared = new Map<string, number>();
	for (const { size, complete, sharedAs } of gone) {
		if (complete && sharedAs !== undefined && kept.has(sharedAs)) shared.set(sharedAs, size);
	}
	return [...shared.values()].reduce((sum, size) => sum + size, 0);
}

/** @param counted What shared bytes were counted already; grows */
function bytesOf(entries: Iterable<RetentionEntry>, counted: Set<string>): number {
	let bytes = 0;
	for (const { size, complete, sharedAs } of entries) {
		if (!complete || (sharedAs !== undefined && counted.has(sharedAs))) continue;
		if (sharedAs !== undefined) counted.add(sharedAs);
		bytes += size;
	}
	return bytes;
}
