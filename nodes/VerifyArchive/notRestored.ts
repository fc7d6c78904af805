import type { DrilledBackup, DrillReport, RestoreHindrance } from '../../engine';

const MB = 1_000_000;
/** An item and a mail are to be read; what is more has its own line in the report. */
const MAX_NAMES = 10;

const WHAT_TO_DO: Record<RestoreHindrance, string> = {
	noWay: 'Qdrant takes a snapshot of its whole storage at its start only: back up the collections as well.',
	noPlace: 'Choose a scratch server in Qdrant Into, or leave Qdrant out with Kinds.',
	tooLarge: 'Raise Max Size (MB), or choose a scratch server in PostgreSQL Into.',
	noMemory: 'Give n8n more memory, or choose a scratch server in PostgreSQL Into.',
};

/** Why a drill has only verified the content of a backup, in the words of the node's fields; null where it has restored it. */
export function whyNotRestored({
	notRestored,
	rawBytes,
}: Pick<DrilledBackup, 'notRestored' | 'rawBytes'>): string | null {
	switch (notRestored) {
		case null:
			return null;
		case 'noWay':
			return 'there is no way to restore this kind for a test';
		case 'noPlace':
			return 'no server is chosen in Qdrant Into';
		case 'tooLarge':
			return `it holds ${Math.ceil(rawBytes / MB)} MB, more than Max Size (MB)`;
		case 'noMemory':
			return 'memory does not suffice to restore it inside n8n';
	}
}

/** What a drill has left out, as the problem of its item and what to do about it; undefined where it left out nothing. */
export function leftOut({ backups }: Pick<DrillReport, 'backups'>): { problem: string; hint: string } | undefined {
	const out = backups.filter(({ notRestored }) => notRestored !== null);
	if (out.length === 0) return undefined;
	const each = out.slice(0, MAX_NAMES).map((one) => `${one.name} (${one.kind}): ${whyNotRestored(one)}`);
	const more = out.length > MAX_NAMES ? [`and ${out.length - MAX_NAMES} more`] : [];
	const what = out.length === backups.length ? 'Nothing was restored for a test' : 'Not restored for a test';
	const reasons = [...new Set(out.map(({ notRestored }) => notRestored!))];
	return {
		problem: `${what}, only the content was verified: ${[...each, ...more].join('; ')}.`,
		hint: reasons.map((reason) => WHAT_TO_DO[reason]).join(' '),
	};
}
