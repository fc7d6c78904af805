/**
 * What base backups and a log bring back, in the words that all systems have for it: a stretch of time to whose every moment a server can
 * be recovered, and what is missing. Positions in a log are texts here; their system alone knows which comes first.
 */
import type { BackupKind, ManifestSummary } from '../archive';
import type { Storage } from '../storage/storage';

/** A stretch of time to whose every moment a server can be recovered. */
export interface LogWindow {
	/** When its first base backup was finished; ISO 8601, UTC, as all times here. */
	from: string;
	/** The moment up to which it is known to reach; undefined where nothing tells. */
	to: string | undefined;
	/** When the last transaction in it ended. */
	lastTransaction: string | undefined;
	timeline: number;
	fromPosition: string;
	toPosition: string;
	/** How many base backups it holds. */
	bases: number;
	/** When the newest of them were finished, at most a hundred, the oldest first. */
	baseTimes: string[];
}

/** Log that is missing. */
export interface LogGap {
	/**
	 * `open`: what was written behind it cannot be recovered until there is a new base backup. `healed`: a base backup behind it lets
	 * recovery begin anew. `pending`: nothing behind it is stored, so nothing says that it is lost: a base backup waits for it.
	 */
	state: 'open' | 'healed' | 'pending';
	timeline: number;
	fromPosition: string;
	toPosition: string;
	/** When the last transaction before it ended, and the first one after it, where that is known. */
	after: string | undefined;
	before: string | undefined;
}

/** A moment at which a log ended at a position, or before it: whoever has it up to there has all that was written until then. */
export interface LogSign {
	/** The log's server, as its backups name it. */
	system: string;
	timeline: number;
	position: string;
	/** ISO 8601, UTC. */
	at: string;
}

/** All that is stored of one log. */
export interface LoggedSystem {
	/** Of its pieces, and of its base backups. */
	kind: BackupKind;
	baseKind: BackupKind;
	/** What its server calls itself: the same for its standbys. */
	system: string;
	/** How its newest backup is called. */
	name: string;
	/** The newest last; the last one is that which people go on with, where there is one. */
	windows: LogWindow[];
	/** On the way to the newest end, in order. */
	gaps: LogGap[];
	bases: number;
	pieces: number;
	/** Bytes of the pieces. */
	storedBytes: number;
	/** Base backups from which nothing can be recovered. */
	uselessBases: number;
	/** When the first of it was stored. */
	since: string;
	/** When somebody last saw that all was stored that its server had written; undefined where nobody has said so. */
	seenAt: string | undefined;
}

/** Takes the manifests of a log one by one, in whatever order, and says at the end what they bring back. In bounded memory. */
export interface LogCollector {
	/** @param isWhole whether the archive is there as its manifest states */
	take(manifest: ManifestSummary, key: string, isWhole: boolean): void;
	/**
	 * @throws BackupError CANCELLED, and what the storage throws
	 */
	recoverable(storage: Storage, options: RecoverableOptions): Promise<LoggedSystem[]>;
}

export interface RecoverableOptions {
	/** Ids of backups that a verification found damaged: they count for nothing. */
	failed: ReadonlySet<string>;
	/** What servers have said of themselves just now. */
	signs: readonly LogSign[];
	/** Later times, in milliseconds, are of a clock that was wrong: they tell nothing. */
	latest: number;
	signal: AbortSignal | undefined;
}

/** A replication slot, by which a server keeps log for somebody who has not taken it yet. */
export interface LogSlot {
	name: string;
	/** Whether somebody streams from it. */
	isActive: boolean;
	/** Whether it keeps the log itself, as for backups and standbys; otherwise what subscribers of single databases have not taken. */
	isPhysical: boolean;
	/** `reserved`, `extended`, `unreserved` (goes at the next checkpoint), `lost`; undefined where the server does not tell. */
	status: string | undefined;
	/** Bytes of log that the server keeps for it. */
	heldBytes: number | undefined;
	/** Bytes that may still be written before the server removes log that it needs; undefined where there is no limit. */
	roomBytes: number | undefined;
}

/** What a server says of its log. */
export interface ServerLog {
	/** For messages: `db.example.com:5432`. */
	address: string;
	/** What it calls itself; undefined where it does not tell. */
	system: string | undefined;
	/** Where its log ends; undefined where it does not tell, as a standby. */
	sign: LogSign | undefined;
	/** Bytes that it keeps for a slot at most; undefined where there is no limit. */
	limitBytes: number | undefined;
	slots: LogSlot[];
}
