import type { CopyReport, CopyRow, UnreadableBackup } from '../../engine';
import { stateOf } from '../shared/backupColumns';
import { readableSize } from '../shared/listSearch/size';
import type { Outcome } from '../shared/outcome';
import { itemOf } from '../shared/simplify';

interface Shown {
	isSimple: boolean;
	includesSkipped: boolean;
}

const WHY = {
	there: 'the target has it',
	removed: 'removed at the target since it was copied',
	gone: 'pruned at the source meanwhile',
};

/** One item for each backup; what failed and what is in conflict goes to Failed. */
export function copyOutcomes(
	{ rows, unreadable, dryRun }: CopyReport,
	{ isSimple, includesSkipped }: Shown,
): Outcome[] {
	const shown = includesSkipped ? rows : rows.filter(({ outcome }) => outcome !== 'skipped');
	const planned = dryRun ? { isPlanned: true } : {};
	return [
		...shown.map((row) => ({ ...outcomeOf(row, dryRun, isSimple), ...planned })),
		...unreadable.map((one) => ({ ...unreadableOutcome(one, dryRun, isSimple), ...planned })),
	];
}

function outcomeOf(
	{ backup, targetKey, outcome, why, error, isNeeded, byServer }: CopyRow,
	dryRun: boolean,
	isSimple: boolean,
): Outcome {
	const { manifest, key } = backup;
	const { id, kind, name, file, startedAt, size, checkpoint, tags, sha256 } = manifest;
	const reason = error?.message ?? (why && WHY[why]) ?? (isNeeded ? 'another backup needs it' : 'the target lacked it');
	const columns = {
		outcome,
		name,
		reason,
		startedAt,
		size: readableSize(size.stored),
		kind,
		state: checkpoint ? 'checkpoint' : stateOf(manifest),
		file,
		key,
		id,
	};
	const details = {
		storedBytes: size.stored,
		sha256,
		tags,
		targetKey,
		isNeeded,
		byServer,
		dryRun,
		problem: error ? { code: error.code, message: error.message, hint: error.hint ?? null } : null,
	};
	const passed = outcome !== 'failed' && outcome !== 'conflict';
	return { passed, told: `${key}: ${outcome}. ${reason}`, json: itemOf(columns, details, isSimple) };
}

/** Nobody knows of what it is; so it may be what is meant. */
function unreadableOutcome({ key, modifiedAt, error }: UnreadableBackup, dryRun: boolean, isSimple: boolean): Outcome {
	const columns = {
		outcome: 'failed',
		reason: error.message,
		startedAt: modifiedAt.toISOString(),
		file: key.slice(key.lastIndexOf('/') + 1),
		key,
	};
	const problem = { code: error.code, message: error.message, hint: error.hint ?? null };
	return {
		passed: false,
		told: `${key}: failed. ${error.message}`,
		json: itemOf(columns, { dryRun, problem }, isSimple),
	};
}
