import type { CheckContext } from '../../verify/types';
import type { SnapshotFacts } from '../manifestSource';
import type { SnapshotReport } from '../snapshot';

const HINT = 'Do not rely on this backup: make a new one, and keep the older ones until it is verified.';

/**
 * Reports an error.
 * @param part where it is: `shard 1`, `1/segments/71d0.tar`; empty for the whole
 */
export function findError({ found }: CheckContext, part: string, message: string): void {
	found({ severity: 'error', ...(part && { part }), message, hint: HINT });
}

export function findWarning({ found }: CheckContext, part: string, message: string): void {
	found({ severity: 'warning', ...(part && { part }), message });
}

/**
 * Reports what the check of a snapshot's structure has found.
 * @param part stands before the paths of the findings: `shard-1.snapshot`
 */
export function findAll(context: CheckContext, part: string, { findings }: SnapshotReport): void {
	for (const { severity, where, what } of findings) {
		const path = [part, where].filter(Boolean).join('/');
		if (severity === 'error') findError(context, path, what);
		else findWarning(context, path, what);
	}
}

/** Compares a snapshot with what the server reported when it made it. A restore sends that checksum along, so it must be right. */
export function compareFacts(
	context: CheckContext,
	part: string,
	facts: SnapshotFacts,
	found: { size: number; sha256: string },
): void {
	if (found.size !== facts.size) {
		findError(context, part, `The snapshot has ${found.size} bytes; the server had made one of ${facts.size}.`);
	} else if (found.sha256 !== facts.sha256) {
		findError(context, part, 'The snapshot is not the one that the server made: its SHA-256 is another.');
	}
}
