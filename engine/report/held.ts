/** What a report knows of the backups that a storage holds. */
import type { BackupKind, ManifestSummary } from '../archive';
import type { VerificationLevel } from '../verify';

/** What is kept of a manifest: what a trend is made of, and what a report shows. */
export type BackupFacts = Pick<
	ManifestSummary,
	| 'id'
	| 'kind'
	| 'name'
	| 'startedAt'
	| 'finishedAt'
	| 'size'
	| 'counts'
	| 'codec'
	| 'encryption'
	| 'partial'
	| 'needs'
	| 'runId'
>;

/** What the verifications of a backup came to. */
export interface VerificationFacts {
	verdict: 'passed' | 'failed';
	/** The deepest level that passed. */
	reached: VerificationLevel | undefined;
	/** When it ended; ISO 8601, UTC. */
	at: string;
	/** Milliseconds. */
	duration: number;
}

export interface HeldBackup {
	facts: BackupFacts;
	key: string;
	/** Whether the archive is there in the size that its manifest states. */
	isComplete: boolean;
	/** Whether an archive that it needs is missing, or known to be damaged. */
	lacksNeeded: boolean;
	/** Whether it says that it begins later than now: a clock was wrong, or it was forged. It would never be too old. */
	isFromFuture?: boolean;
	hasRecord: boolean;
	/** The verification that decides; undefined where none came to a verdict, or none was read. */
	verification: VerificationFacts | undefined;
	/** The newest one that restored it for a test. */
	restored: VerificationFacts | undefined;
}

/** The backups of one thing; see archive/series.ts. */
export interface SeriesState {
	/** Stays the same from run to run. */
	id: string;
	kind: BackupKind;
	/** The database, collection, bucket, ... */
	name: string;
	/** The server, where the manifests say so. */
	origin: string | undefined;
	/** What its server calls itself: of base backups and logs, which are told by it. */
	system?: string;
	/** Of base backups and logs: the moment up to which they bring everything back together, where that is known; ISO 8601, UTC. */
	reachesTo?: string;
	/** Whether these are pieces of a log: each holds what was written since the one before. */
	isLog?: boolean;
	/** Of these, the newest that verifications have looked at, further back than `newest`. */
	recorded?: HeldBackup[];
	/** Of these: when a test restore passed that read them, that of a base backup; ISO 8601, UTC. */
	readAt?: string;
	/** Where they lie. */
	folder: string;
	/** How many there are, weekly copies left out. */
	backups: number;
	weeklyCopies: number;
	/** Bytes of the archives, weekly copies included. */
	storedBytes: number;
	/** Newest first, weekly copies left out: as many as are looked at one by one. */
	newest: HeldBackup[];
	/** The newest that can be relied on: whole, there, not known to be damaged. */
	lastGood: HeldBackup | undefined;
	/** The newest whose verification passed. */
	lastVerified: HeldBackup | undefined;
	/** The newest that was restored for a test. */
	lastRestored: HeldBackup | undefined;
}

/** Whether it holds all of its source, is there, and nothing is known against it. */
export function isReliable(backup: HeldBackup): boolean {
	return backup.isComplete && !backup.lacksNeeded && !backup.isFromFuture && backup.verification?.verdict !== 'failed';
}
