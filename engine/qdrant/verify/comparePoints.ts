import type { CheckContext } from '../../verify/types';
import type { CollectionSource } from '../manifestSource';
import { findError, findWarning } from './findings';

/** A backup that holds less than this share of the points that were counted lacks more than writes meanwhile explain. */
const PLAUSIBLE_SHARE = 0.5;

type Counts = Pick<CollectionSource, 'points'>;

/**
 * Whether a snapshot's segments can hold what was backed up. The counts of the manifest were taken before and after the
 * snapshot, and clients may have written and deleted at the same time, so that a good backup may hold fewer points than
 * both. More say nothing: under writes a point stands in several segments (1.16.3: counted up to three times).
 */
export function compareSegments(context: CheckContext, points: number, facts: Counts): void {
	if (points >= least(facts) || findTooFew(context, points, facts)) return;
	findWarning(context, '', `${describe(points, facts)} Points were probably deleted meanwhile.`);
}

/** Finds an error where so few points cannot be what was backed up. */
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
