/** What is wrong with point-in-time recovery: log that is missing, an archiving that stands still, no base backup. */
import type { LoggedSystem, LogGap } from '../verify';
import type { Problem, ProblemKind } from './problem';
import { subjectOf } from './subject';
import type { StorageState } from './state';
import { readableHours, readableMinute } from './words';
import { gapText, hoursBehind, isJudged, openGaps, seriesOfLog, serverName } from './windows';

const DAY_HOURS = 24;
/** Of more gaps that are open at once, the newest are told. */
const MOST_GAPS = 5;

export interface WindowConditions {
	/** How long ago the last moment may be that can be recovered. */
	windowMinutes: number;
	/** How old the newest base backup may be; 0 for any age. */
	baseDays: number;
}

export function windowProblems(state: StorageState, conditions: WindowConditions): Problem[] {
	return (state.logs ?? []).flatMap((logged) => problemsOf(logged, state, conditions));
}

function problemsOf(logged: LoggedSystem, state: StorageState, conditions: WindowConditions): Problem[] {
	const { windows, pieces } = logged;
	const { windowMinutes, baseDays } = conditions;
	const now = Date.parse(state.at);
	const name = serverName(logged, state.logs ?? []);
	const make = maker(logged, state);
	const open = openGaps(logged);
	const found = open.slice(-MOST_GAPS).map((gap) => gapProblem(gap, name, make));
	const hours = hoursBehind(logged, now);
	const isLate = hours * 60 > windowMinutes;
	const last = windows.at(-1);
	// What is missing tells already why no later moment can be had.
	if (open.length > 0) return found;
	if (!last) return isLate ? [unrecoverable(name, pieces, make)] : [];
	if (isLate && isJudged(logged)) {
		const until = readableMinute(last.to ?? last.from);
		found.push(
			make(
				'windowBehind',
				'critical',
				`${name} can be recovered up to ${until} only, ${readableHours(hours)} ago; ${readableHours(windowMinutes / 60)} are allowed.`,
				'See whether Postgres WAL Trigger or the schedule of Archive WAL runs, and what it says. The server keeps what is not archived: see that its disk does not fill up.',
			),
		);
	}
	const newest = last.baseTimes.at(-1) ?? last.from;
	const age = (now - Date.parse(newest)) / 3_600_000;
	if (baseDays > 0 && age > baseDays * DAY_HOURS) {
		found.push(
			make(
				'oldBase',
				'warning',
				`The newest base backup of ${name} is ${readableHours(age)} old: a recovery reads all WAL since.`,
				'See whether the workflow that makes base backups runs. Each makes recoveries shorter, and lets older WAL go.',
			),
		);
	}
	return found;
}

type Make = (
	kind: ProblemKind,
	severity: Problem['severity'],
	message: string,
	hint: string,
	detail?: string,
) => Problem;

function maker(logged: LoggedSystem, state: StorageState): Make {
	const { system, kind: ofKind, name } = logged;
	const series = seriesOfLog(logged, state.series);
	return (kind, severity, message, hint, detail) => ({
		id: [kind, system, ...(detail === undefined ? [] : [detail])].join(':'),
		kind,
		severity,
		subject: series ? subjectOf(series, state.series) : `${ofKind} ${serverName(logged, state.logs ?? [])}`,
		message,
		hint,
		...(series ? { seriesId: series.id } : { about: { kind: ofKind, name } }),
		logId: system,
	});
}

function gapProblem(gap: LogGap, name: string, make: Make): Problem {
	return make(
		'recoveryGap',
		'critical',
		`${name} lacks ${gapText(gap)}: what was written since cannot be recovered.`,
		'Make a base backup now: recovery begins anew behind it. Archive more often, or let the slot keep more (max_slot_wal_keep_size).',
		`${gap.timeline} ${gap.fromPosition}`,
	);
}

function unrecoverable(name: string, pieces: number, make: Make): Problem {
	const why =
		pieces > 0
			? 'there is WAL, and no base backup that it belongs to'
			: 'the WAL that its base backup needs is not stored';
	return make(
		'unrecoverable',
		'critical',
		`Nothing of ${name} can be recovered: ${why}.`,
		'Archive the WAL by the slot of the base backups, and make a base backup.',
	);
}
