import type { SnapshotLedger } from '../artifacts/ledger';
import type { Topology } from '../server/topology';

/** A collection that this run has made. */
export interface MadeCollection {
	/** What its metadata hold; undefined on servers that keep none (before 1.16). */
	mark: string | undefined;
	/** The server is still filling it, and will answer when it is done (`late`), or may be filling it, and its answer is lost (`lost`). */
	busy?: 'late' | 'lost';
	/** Its strict mode is off until the end. */
	isStrictModeOff?: boolean;
}

/** What the steps of a restore share. */
export interface RestoreContext {
	topology: Topology;
	signal?: AbortSignal;
	log: (line: string) => void;
	onProgress?: (progress: { bytes: number; totalBytes: number }) => void;
	warnings: string[];
	/** Records the snapshots that this run makes on servers, so that the next run finds one that is left when this one is killed. */
	ledger?: SnapshotLedger;
	/** The collections that this run has made, by name. */
	made: Map<string, MadeCollection>;
	/** What was left on the server although it should not be there, a sentence each: for the error of a run that fails. */
	left: string[];
	/** Where an existing collection changes: once everything was sent, wait for the server, cancel or not. */
	untilDone?: boolean;
}

/** Tells that something stays on the server which should not. */
export function leave({ warnings, left, log }: RestoreContext, message: string): void {
	warnings.push(message);
	left.push(message);
	log(message);
}
