import type { PruneRow } from '../../engine';

/** Why a backup stays or goes, as a table has room for it. */
const WORDS: Record<PruneRow['rules'][number], string> = {
	last: 'last',
	withinDays: 'within days',
	daily: 'daily',
	weekly: 'weekly',
	monthly: 'monthly',
	yearly: 'yearly',
	weeklySnapshots: 'weekly copy',
	noRules: 'no rule is set',
	lastGood: 'last good',
	lastVerified: 'last verified',
	lastLeft: 'nothing better',
	pinned: 'pinned',
	needed: 'needed by another',
	recovery: 'recovery window',
	unjudged: 'cannot be judged',
	resumable: 'of a run to go on',
	locked: 'locked',
	legalHold: 'legal hold',
	expired: 'no rule keeps it',
};

/** `daily, weekly, last good`: all that apply, each once. */
export function reasonWords({ rules }: Pick<PruneRow, 'rules'>): string {
	return [...new Set(rules.map((rule) => WORDS[rule]))].join(', ');
}
