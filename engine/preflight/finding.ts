import { BackupError } from '../errors';

/** How grave a finding is: a problem makes something fail, a warning may do so later, or under conditions that it names. */
export const LEVELS = ['problem', 'warning', 'ok'] as const;
export type Level = (typeof LEVELS)[number];

/** What would fail. */
export const PURPOSES = ['backup', 'restore', 'verification'] as const;
export type Purpose = (typeof PURPOSES)[number];

/** What a check found out about one thing. */
export interface SetupFinding {
	/** What was looked at, in title case: `Row-Level Security`. */
	check: string;
	level: Level;
	/** What was looked at it on: a database, a collection, a bucket, the storage. */
	about: string;
	/** One sentence. Never holds a secret. */
	what: string;
	/**
	 * What to do, as exactly as it can be told: statements to run as they stand, with comments of SQL where there is a choice,
	 * or the step to take. Undefined where all is well.
	 */
	remedy: string | undefined;
	affects: Purpose;
}

/** Makes the findings of one check on one thing. */
export interface Finder {
	ok: (what: string) => SetupFinding;
	warning: (what: string, remedy: string) => SetupFinding;
	problem: (what: string, remedy: string) => SetupFinding;
}

/** @param check in title case; @param about see SetupFinding */
export function finder(check: string, about: string, affects: Purpose): Finder {
	const made = (level: Level) => (what: string, remedy?: string) => ({ check, level, about, what, remedy, affects });
	return { ok: made('ok'), warning: made('warning'), problem: made('problem') };
}

/**
 * Runs a check. What it fails with is what it has found: a problem, with what the error says to do about it.
 * @throws BackupError CANCELLED, and whatever is no BackupError
 */
export async function findingsOf(
	{ problem }: Finder,
	check: () => Promise<SetupFinding[]> | SetupFinding[],
): Promise<SetupFinding[]> {
	try {
		return await check();
	} catch (error) {
		if (!(error instanceof BackupError) || error.code === 'CANCELLED') throw error;
		return [problem(error.message, error.hint ?? 'Look into the log of the server.')];
	}
}

/** The findings for some purposes, the gravest first, otherwise in their order. */
export function sortedFindings(
	findings: readonly SetupFinding[],
	purposes: readonly Purpose[] = PURPOSES,
): SetupFinding[] {
	return findings
		.filter(({ affects }) => purposes.includes(affects))
		.toSorted((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level));
}
