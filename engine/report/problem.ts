export type ProblemKind =
	| 'stale'
	| 'damaged'
	| 'unreadable'
	| 'unverified'
	| 'anomaly'
	| 'storageLow'
	| 'slowRestore'
	| 'empty'
	| 'missing'
	| 'retentionBlocked'
	| 'uncovered'
	| 'unasked'
	| 'deadRun'
	| 'failed'
	| 'refused'
	| 'recoveryGap'
	| 'windowBehind'
	| 'unrecoverable'
	| 'oldBase'
	| 'slotBehind'
	| 'slotLost';

export interface Problem {
	/** The same in every run for the same problem of the same thing. */
	id: string;
	kind: ProblemKind;
	/** `critical`: data could be lost today. */
	severity: 'critical' | 'warning';
	/** What it is about, `postgres shop`; the storage for what is about all of it. */
	subject: string;
	/** A sentence with figures. */
	message: string;
	/** What to do. */
	hint: string;
	/** The id of the series that it is about, where it is about one. */
	seriesId?: string;
	/** Of what is about no series that the storage holds: what it is about, where that is known. */
	about?: { kind: string; name: string };
	/** Of what is about the recovery of a server to a point in time: what the server calls itself. */
	logId?: string;
	/** What is off the trend, `size`. */
	measure?: string;
}
