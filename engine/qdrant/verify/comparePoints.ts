import type { CheckContext } from '../../verify/types';
import type { CollectionSource } from '../manifestSource';
import { findError, findWarning } from './findings';

/** Where a backup holds less than this share of the points that were counted, deletions during the backup do not explain it. */
const PLAUSIBLE_SHARE = 0.5;

type Counts = Pick<CollectionSource, 'points'>;

/**
 * Whether a snapshot's segments can hold what was backed up. The counts of the manifest were taken before and after the
 * snapshot, and clients may have written and deleted at the same time, so that a good backup may hold fewer points than
 * both. A higher number is no finding: during writes a point may be in several segments (1.16.3: up to three).
 */
export function compareSegments(context: CheckContext, points: number, facts: Counts): void {
	if (points >= least(facts) || findTooFew(context, points, facts)) return;
	findWarning(context, '', `${describe(points, facts)} Points were probably deleted meanwhile.`);
}

/** Reports an error where there are too few points; returns whether it did. */
export function findTooFew(context: CheckContext, points: number, facts: Counts): boolean {
	if (points >= least(facts) * PLAUSIBLE_SHARE) return false;
	findError(context, '', describe(points, facts));
	return true;
}

function least({ points: { before, after } }: Counts): number {
	return Math.min(before, after);
}

function describe(points: number, { points: { before, after } }: Counts): string {
	const counted = before === after ? `${after}` : `${before} and ${after}`;
	return `It holds ${points} points; ${counted} were counted when it was made.`;
}
