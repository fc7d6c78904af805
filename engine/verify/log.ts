/**
 * A log that a system writes all the time and that is stored piece by piece, such as PostgreSQL's WAL. A base backup together with the log
 * that follows brings back any moment in between. No piece is worth anything by its age or its number, but by the base backups that stay:
 * so what retention asks of a piece, the system answers.
 */
import type { BackupKind, ManifestSummary } from '../archive';
import type { LogCollector } from './recoverable';

/** What retention knows of a base backup or of a piece. */
export interface LogMember<Facts = unknown> {
	facts: Facts;
	/** Whether it can be relied on, as far as is known. */
	isGood: boolean;
}

/** Why a base backup or a piece stays. */
export interface LogReason {
	/** `recovery`, the recovery window begins with it or reads it; `needed`, a base backup is worth nothing without it; `unjudged`, nobody can tell. */
	rule: 'recovery' | 'needed' | 'unjudged';
	/** For people; the same for all for which it is the same. */
	text: string;
}

/** What is to be kept of a log. */
export interface LogPlan<Facts = unknown> {
	/** The base backups without which some moment of the window could not be recovered any more. */
	bases: ReadonlyMap<LogMember<Facts>, LogReason>;
	/**
	 * The pieces that stay, once it is known which base backups do. What is not among them may go.
	 * @param staying of the members, the base backups that stay
	 * @param unjudged why it is not certain that these are all; then only what another piece holds as well may go
	 */
	pieces(
		staying: ReadonlySet<LogMember<Facts>>,
		unjudged: string | undefined,
	): ReadonlyMap<LogMember<Facts>, LogReason>;
}

/** @typeParam Facts what the system reads of a manifest */
export interface SystemLog<Facts = unknown> {
	/** The kinds of its base backups, and of the pieces of the log. */
	bases: BackupKind;
	pieces: BackupKind;
	/** Begins to find out what can be recovered. */
	collector(): LogCollector;
	/** Undefined where the manifest does not say what such a one has to say. */
	factsOf(
		manifest: Pick<ManifestSummary, 'id' | 'kind' | 'source' | 'finishedAt' | 'needs'>,
		key: string,
	): Facts | undefined;
	/**
	 * @param members all that the storage holds; of two that are the same backup, the one that is to be preferred comes first
	 * @param days of the window, in which every moment that can be recovered shall stay one
	 */
	planOf(members: readonly LogMember<Facts>[], window: { days: number; now: Date }): LogPlan<Facts>;
}
