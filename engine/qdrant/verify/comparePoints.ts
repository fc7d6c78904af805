import type { CheckContext } from '../../verify/types';
import type { CollectionSource } from '../manifestSource';
import { findError, findWarning } from './findings';

/** Of a backup that holds less than this share of the points that were counted, more is missing than writing explains. */
const PLAUSIBLE_SHARE = 0.5;

/**
 * Whether so many points can be what was backed up. The counts of the manifest were taken before and after the snapshot,
 * and clients may have written and deleted at the same time, so that a good backup may hold another number than both.
 * @param places How often a point may be counted: 2 in a snapshot's segments, where one that was being moved counts twice.
 */
export function comparePoints(
	context: CheckContext,
	points: number,
	{ points: { before, after } }: Pick<CollectionSource, 'points'>,
	places: 1 | 2,
): void {
	const [least, most] = [Math.min(before, after), Math.max(before, after)];
	if (points >= least && points <= most * places) return;
	const told = before === after ? `${after}` : `${least} to ${most}`;
	const message = `It holds ${points} points; ${told} were counted when it was made.`;
	if (points < least * PLAUSIBLE_SHARE) findError(context, '', message);
	else findWarning(context, '', `${message} Points were probably written meanwhile.`);
}
