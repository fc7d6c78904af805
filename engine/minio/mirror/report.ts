/** What a mirror did, or would do. */
import { shownName } from '../../tree';

export interface Tally {
	count: number;
	bytes: number;
	/** The first of them, as messages show names. */
	names: string[];
}

export interface MirrorReport {
	source: string;
	target: string;
	dryRun: boolean;
	/** Nothing is recorded yet of copies from this source to this target. */
	isFirst: boolean;
	/** Objects that the source has, of those that were chosen. */
	sourceCount: number;
	sourceBytes: number;
	unchanged: Tally;
	/** Copies of a run that was broken off, found again. */
	adopted: Tally;
	/** Copied, or to be copied: what the target did not have. */
	added: Tally;
	/** The same of what it had in another form. */
	changed: Tally;
	/** What only the target has. Without removal that is known only of what was mirrored once. */
	extra: Tally;
	removed: Tally;
	/** Why the removals would be refused, in the report of a dry run. */
	problem: string | undefined;
	/** The folder in the target that removed objects were moved to. */
	trash: string | undefined;
	/** Objects in the trash whose time was over. */
	purged: Tally;
	/** Objects that the source has and did not list. */
	unlisted: Tally;
	/** Objects that were listed and are not there. */
	vanished: Tally;
	/** Objects that changed each time while they were read; not copied. */
	changing: Tally;
	/** Objects that the target cannot have, by their names. */
	leftOut: Tally;
	/** Objects that could not be copied. */
	failed: Tally;
	warnings: string[];
}

const NAMES_SHOWN = 20;

export function tally(): Tally {
	return { count: 0, bytes: 0, names: [] };
}

export function count(into: Tally, { name, size }: { name: string; size: number }): void {
	into.count++;
	into.bytes += size;
	if (into.names.length < NAMES_SHOWN) into.names.push(shownName(name));
}

/** A name and how many more. */
export function some({ count: all, names }: Tally): string {
	const shown = names.slice(0, 3).join(', ');
	return all > 3 ? `${shown} and ${all - 3} more` : shown;
}

export function emptyReport(source: string, target: string, dryRun: boolean): MirrorReport {
	return {
		source,
		target,
		dryRun,
		isFirst: false,
		sourceCount: 0,
		sourceBytes: 0,
		unchanged: tally(),
		adopted: tally(),
		added: tally(),
		changed: tally(),
		extra: tally(),
		removed: tally(),
		problem: undefined,
		trash: undefined,
		purged: tally(),
		unlisted: tally(),
		vanished: tally(),
		changing: tally(),
		leftOut: tally(),
		failed: tally(),
		warnings: [],
	};
}

/** Whole sentences of what the user has to know. */
export function warningsOf(report: MirrorReport): string[] {
	const { source, sourceCount, unlisted, vanished, changing, leftOut, failed } = report;
	const of = (what: Tally, one: string, several: string) =>
		what.count === 0 ? [] : [`${what.count} ${what.count === 1 ? one : several}: ${some(what)}.`];
	return [
		...(sourceCount === 0 ? [`The ${source} holds nothing of what was chosen.`] : []),
		...of(
			unlisted,
			'object is at the source although its listing leaves it out',
			'objects are at the source although its listing leaves them out',
		),
		...of(
			vanished,
			'object was listed and is not there; what the target has of it stays',
			'objects were listed and are not there; what the target has of them stays',
		),
		...of(
			changing,
			'object changed each time while it was read and was not copied',
			'objects changed each time while they were read and were not copied',
		),
		...of(
			leftOut,
			'object cannot be in the target because of its name',
			'objects cannot be in the target because of their names',
		),
		...of(failed, 'object could not be copied', 'objects could not be copied'),
	];
}
