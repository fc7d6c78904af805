import type { Lsn } from '../lsn';
import { lineOf, timelineAt } from './coverage';
import type { StretchFacts } from './facts';
import type { Ancestor } from './timelines';

/**
 * Where the log that is stored ends, along a timeline and those that it came from: archiving goes on there. What was stored of an older
 * timeline behind the place where it was left counts for nothing.
 * @param path the ancestors, and the timeline itself at last
 * @returns the position, and the timeline to which what follows belongs; undefined where nothing is stored
 */
export function resumePoint(
	path: readonly Ancestor[],
	stretches: readonly StretchFacts[],
): { timeline: number; lsn: Lsn } | undefined {
	const line = lineOf(path, stretches);
	if (line.length === 0) return undefined;
	const lsn = line.reduce((most, { endLsn }) => (endLsn > most ? endLsn : most), 0n);
	return { timeline: timelineAt(path, lsn), lsn };
}
