import type { ArchiveReader, BackupKind, Manifest, ManifestSummary } from '../archive';
import type { PostgresConnection } from '../postgres';
import type { QdrantConnection } from '../qdrant';

/**
 * How deep a verification goes; each level holds the ones before it. `integrity`: the bytes are those that were stored, and
 * decrypt and decompress to their end. `content`: what they hold is whole, by the rules of its kind. `restore`: it was
 * restored somewhere else, and what came out compared with what is in the archive.
 */
export type VerificationLevel = 'integrity' | 'content' | 'restore';

/**
 * `failed`: the backup is bad, do not rely on it. `incomplete`: nothing bad was found, but it could not be checked as far
 * as was asked (a key is missing, the storage failed, the scratch server is too old): that tells nothing against the backup.
 */
export type Verdict = 'passed' | 'failed' | 'incomplete';

export interface Finding {
	/** Only errors make a verification fail; `obstacle` is what makes it incomplete. */
	severity: 'error' | 'obstacle' | 'warning';
	level: VerificationLevel;
	/** Which part of the backup: a table, a shard, a member of a tar; undefined for the whole. */
	part?: string;
	/** A sentence. No secrets, no rows. */
	message: string;
	/** What to do about it. */
	hint?: string;
	/** BackupErrorCode, where an error told it. */
	code?: string;
}

/** What a level of a verification found. */
export interface LevelReport {
	level: VerificationLevel;
	findings: Finding[];
	/** What was looked at: `{ tables: 12, rows: 34567 }`, `{ points: 1000, sampled: 100 }`, `{ workflows: 7 }`. */
	counts: Record<string, number>;
	/** Milliseconds. */
	duration: number;
	/** Of the level `restore`: how long the restore itself took, without the comparing. */
	restoreDuration?: number;
}

export interface VerificationReport {
	verdict: Verdict;
	/** What was asked for, and the deepest level that passed; undefined where not even the first did. */
	requested: VerificationLevel;
	reached: VerificationLevel | undefined;
	/** Of the archive, and of its manifest where it has one. */
	key: string;
	manifest: Manifest | undefined;
	/** What a file without a manifest was recognised as: `plain SQL dump in gzip`. */
	format: string | undefined;
	levels: LevelReport[];
	/** All of them, worst first. */
	findings: Finding[];
	/** Bytes read from the storage, and what they decompressed to. */
	storedBytes: number;
	rawBytes: number;
	/** ISO 8601, UTC. */
	startedAt: string;
	/** Milliseconds. */
	duration: number;
}

/** What a check of a kind may use. */
export interface CheckContext {
	signal?: AbortSignal;
	log: (line: string) => void;
	/** Adds a finding of the level at work. */
	found: (finding: Omit<Finding, 'level'>) => void;
	/** Of a test restore: how many milliseconds the restore itself took, without the comparing. */
	restoreTook?: (milliseconds: number) => void;
}

/** PostgreSQL in memory, in a process that this one starts and ends. */
export interface InProcessTarget {
	type: 'inProcess';
	/** Bytes of the largest raw archive. */
	maxRawBytes: number;
	/** Tells how many bytes of memory may still be taken; without it the system is asked. */
	available?: () => number | undefined;
	/** Milliseconds without a sign of an answer after which it is given up; a quarter of an hour unless told. */
	patience?: number;
}

/** Where test restores may go. Each system takes the one that is for it. */
export interface ScratchTargets {
	/** PostgreSQL: in memory, where the raw archive is not larger; or on a server, in a database made and dropped. */
	postgres?: InProcessTarget | { type: 'server'; connection: PostgresConnection };
	qdrant?: { connection: QdrantConnection };
	/** PostgreSQL: statements that must give one true value in the restored database: `SELECT count(*) > 0 FROM users`. */
	assertions?: string[];
}

/**
 * Why a backup is not restored for a test, as can be told before: `noWay`, there is none for its kind; `noPlace`, no target
 * is given for it; `tooLarge`, it is larger than may be restored in memory; `noMemory`, memory would not suffice for it.
 */
export type RestoreHindrance = 'noWay' | 'noPlace' | 'tooLarge' | 'noMemory';

/**
 * What a system knows of its own archives. Checks report what is wrong with the backup by `found`; they throw only what
 * says nothing of it (CANCELLED, STORAGE_*, KEY_*, TARGET_*), and ARCHIVE_CORRUPT as it comes from the reader.
 */
export interface KindCheck {
	kinds: BackupKind[];
	/**
	 * Reads the content, which comes decrypted and decompressed, to its very end, in constant memory. Answers counts. The
	 * reader's errors reach it through `raw` and must be passed on.
	 */
	content: (
		raw: AsyncIterable<Uint8Array>,
		manifest: Manifest,
		context: CheckContext,
	) => Promise<Record<string, number>>;
	/** Restores into a scratch target, compares, and removes it again, also after a failure or a cancel. Answers counts. */
	testRestore?: (
		reader: ArchiveReader,
		targets: ScratchTargets,
		context: CheckContext,
	) => Promise<Record<string, number>>;
	/** What keeps these targets from taking the backup, as far as it shows before anything is read. */
	hindrance?: (manifest: ManifestSummary, targets: ScratchTargets) => RestoreHindrance | undefined;
}
