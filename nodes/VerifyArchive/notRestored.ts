import { type DrilledBackup, type DrillReport, holdsData, listed, systemOf } from '../../engine';

import { placeField, placeNoun, restoreAdvice } from './systems';

const MB = 1_000_000;
/** An item and a mail are to be read; what is more has its own line in the report. */
const MAX_NAMES = 10;
const MAX_ASSERTIONS = 3;
/** How many characters of an assertion are shown. */
const SHOWN = 120;

/** Why a drill has only verified the content of a backup, in the words of the node's fields; null where it has restored it. */
export function whyNotRestored({
	notRestored,
	kind,
	rawBytes,
}: Pick<DrilledBackup, 'notRestored' | 'kind' | 'rawBytes'>): string | null {
	switch (notRestored) {
		case null:
			return null;
		case 'noWay':
			return 'there is no way to restore this kind for a test';
		case 'noPlace':
			return `no ${placeNoun(systemOf(kind))} is chosen in ${placeField(systemOf(kind))}`;
		case 'tooLarge':
			return `it holds ${Math.ceil(rawBytes / MB)} MB, more than Max Size (MB)`;
		case 'noMemory':
			return 'memory does not suffice to restore it inside n8n';
		case 'noProgram':
			return 'no program of a server is named in Postgres Program';
	}
}

/** The same for people to read, with the assertions that were not run for it. */
export function whyLeftOut(backup: DrilledBackup): string | null {
	const why = whyNotRestored(backup);
	const { length } = backup.assertionsNotRun;
	if (why === null || length === 0) return why;
	const what = length === 1 ? 'this assertion was' : 'these assertions were';
	return `${why}, so ${what} not run: ${listed(backup.assertionsNotRun.map(shown), MAX_ASSERTIONS)}`;
}

function shown(sql: string): string {
	const text = sql.replace(/\s+/g, ' ');
	return `"${text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text}"`;
}

/** What a drill has left out, as the problem of its item and what to do about it; undefined where it left out nothing. */
export function leftOut({ backups }: Pick<DrillReport, 'backups'>): { problem: string; hint: string } | undefined {
	const out = backups.filter(({ notRestored }) => notRestored !== null);
	if (out.length === 0) return undefined;
	const each = out.slice(0, MAX_NAMES).map((one) => `${one.name} (${one.kind}): ${whyLeftOut(one)}`);
	const more = out.length > MAX_NAMES ? [`and ${out.length - MAX_NAMES} more`] : [];
	const what = `${beginningOf(backups)} for a test, only the content was verified`;
	return {
		problem: `${what}: ${[...each, ...more].join('; ')}.`,
		hint: [...new Set(out.flatMap((one) => restoreAdvice(one) ?? []))].join(' '),
	};
}

function beginningOf(backups: readonly DrilledBackup[]): string {
	const restored = backups.filter(({ notRestored }) => notRestored === null);
	if (restored.length === 0) return 'Nothing was restored';
	return restored.every(({ kind }) => !holdsData(kind)) ? 'Nothing but roles was restored' : 'Not restored';
}
