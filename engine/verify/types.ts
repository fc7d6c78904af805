import type { DecryptionKeys, Manifest } from '../archive';
import type { Storage } from '../storage';

/**
 * How deep a verification goes; each level holds the ones before it. `integrity`: the bytes are those that were stored, and
 * decrypt and decompress to their end. `content`: what they hold is whole, by the rules of its kind. `restore`: it was
 * restored somewhere else, and what came out compared with what is in the archive.
 */
export type VerificationLevel = 'integrity' | 'content' | 'restore';

/**
 * `failed`: the backup is bad, do not rely on it. `incomplete`: nothing bad was found, but it could not be checked as far
 * as was asked (a key is missing, the storage failed, the scratch server is too old): that says nothing against the backup.
 */
export type Verdict = 'passed' | 'failed' | 'incomplete';

export interface Finding {
	/** `error`: the backup is bad. `inconclusive`: something could not be checked, so the verification is incomplete. */
	severity: 'error' | 'inconclusive' | 'warning';
	level: VerificationLevel;
	/** Which part of the backup: a table, a shard, a member of a tar; undefined for the whole. */
	part?: string;
	/** A sentence. No secrets, no rows. */
	message: string;
	/** What to do about it. */
	hint?: string;
	/** The code of the BackupError that led to it, if one did. */
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
	/** Milliseconds that the restore itself took, without the comparing; only at the level `restore`. */
	restoreDuration?: number;
}

export interface VerificationReport {
	verdict: Verdict;
	/** What was asked for, and the deepest level that passed; undefined where not even the first did. */
	requested: VerificationLevel;
	reached: VerificationLevel | undefined;
	/** The key of the archive, and its manifest where it has one. */
	key: string;
	manifest: Manifest | undefined;
	/** What a file without a manifest was recognised as: `plain SQL dump in gzip`. */
	format: string | undefined;
	/** The system that a file without a manifest can be restored into for a test, by name; undefined where there is none. */
	system: string | undefined;
	levels: LevelReport[];
	/** The findings of all levels, the worst first. */
	findings: Finding[];
	/** Bytes read from the storage, and what they decompressed to. */
	storedBytes: number;
	rawBytes: number;
	/** ISO 8601, UTC. */
	startedAt: string;
	/** Milliseconds. */
	duration: number;
}

/** What checks and test restores get from the verification that runs them. */
export interface CheckContext {
	signal?: AbortSignal;
	log: (line: string) => void;
	/** Adds a finding to the level that is being verified. */
	found: (finding: Omit<Finding, 'level'>) => void;
	/** Where the other archives lie that the backup needs, and what opens them; undefined for one that came by itself. */
	needed?: { storage: Storage; keys: DecryptionKeys | undefined };
	/** Called by a test restore with the milliseconds that the restore itself took, without the comparing. */
	restoreTook?: (milliseconds: number) => void;
}
