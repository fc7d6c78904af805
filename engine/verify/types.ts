import type { Manifest } from '../archive';

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
	/** Of such a file, the name of the system that it can be restored into for a test; undefined where there is none. */
	system: string | undefined;
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
