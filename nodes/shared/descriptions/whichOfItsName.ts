/**
 * Which backup of the name that Backup, at Latest, says: for workflows in which somebody else chooses it, a caller of a webhook or whoever
 * fills in a form. The name is the workflow's, so nobody gets the backup of something else by its ID.
 */
import type { IExecuteFunctions, INodeProperties } from 'n8n-workflow';

import { BackupError, type BackupKind, type BackupReference } from '../../../engine';
import { textOf } from '../fields';

const shown: INodeProperties['displayOptions'] = { show: { '/source': ['storage'] } };

/** An entry of Options: another backup of the same name. */
export const backupIdOption: INodeProperties = {
	displayName: 'Backup ID',
	name: 'backupId',
	type: 'string',
	default: '',
	placeholder: 'e.g. {{ $json.body.backup }}',
	description:
		'With Backup at Latest: the ID of another backup of the same name, in place of the latest. One of another name is refused, so the caller of a workflow may choose it. The latest where empty.',
	displayOptions: shown,
};

/** An entry of Options: the latest of an earlier moment. */
export const latestBeforeOption: INodeProperties = {
	displayName: 'Latest Before',
	name: 'latestBefore',
	type: 'string',
	default: '',
	placeholder: 'e.g. 2026-01-31T14:05:00Z',
	description:
		'With Backup at Latest: the newest backup that had ended by this moment, so it holds nothing from after it. A date and time with its zone, as ISO 8601 has it. The newest of all where empty.',
	displayOptions: shown,
};

/** `2026-01-31T14:05Z`, `2026-01-31T15:05:00.000+01:00`. Without a zone it would be another moment on another machine. */
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/;

/**
 * The backup that these options and the name at Latest say.
 * @throws BackupError INVALID_INPUT where both are given, or a moment cannot be read
 */
export function referenceToLatest(
	context: IExecuteFunctions,
	item: number,
	latest: string,
	kind: BackupKind,
): BackupReference {
	const { id, before } = optionsOf(context, item);
	if (id === '') return { latest, kind, ...(before !== '' && { endedBy: momentOf(before) }) };
	if (before === '') return { id, name: latest };
	throw new BackupError('INVALID_INPUT', 'Both a backup and a moment were asked for.', {
		hint: 'Give Backup ID or Latest Before, not both.',
	});
}

/** @throws BackupError INVALID_INPUT where one of the options is given and Backup names the one backup already */
export function assertNotAsked(context: IExecuteFunctions, item: number): void {
	const { id, before } = optionsOf(context, item);
	if (id === '' && before === '') return;
	throw new BackupError(
		'INVALID_INPUT',
		`${id === '' ? 'Latest Before' : 'Backup ID'} has no meaning where Backup is not at Latest.`,
		{ hint: 'Set Backup to Latest with the name of what was backed up, or leave the option empty.' },
	);
}

function optionsOf(context: IExecuteFunctions, item: number): { id: string; before: string } {
	const options = Object(context.getNodeParameter('options', item, {})) as Record<string, unknown>;
	const { backupId, latestBefore } = options;
	const before = isMoment(latestBefore) ? latestBefore.toISOString() : latestBefore;
	return { id: textOf(backupId, 'Backup ID').trim(), before: textOf(before, 'Latest Before').trim() };
}

function momentOf(text: string): Date {
	const moment = new Date(text);
	if (MOMENT.test(text) && !Number.isNaN(moment.getTime())) return moment;
	throw new BackupError('INVALID_INPUT', `Latest Before is no moment: ${text.slice(0, 50)}`, {
		hint: 'Give a date and a time with its zone: 2026-01-31T14:05:00Z, or 2026-01-31T15:05:00+01:00.',
	});
}

/** A Date, as an expression may give one. */
function isMoment(value: unknown): value is Date {
	return value instanceof Date && !Number.isNaN(value.getTime());
}
