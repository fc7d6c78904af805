import type { IExecuteFunctions } from 'n8n-workflow';

import {
	BackupError,
	parseLsn,
	parseRecoveryTime,
	parseRestorePoint,
	parseTransaction,
	RECOVERY_ACTIONS,
	type RecoveryTarget,
} from '../../engine';
import { oneOf } from '../shared/choice';
import { collectionOf, type Fields, locatedIn, locatedText, numberOf, textOf, yesNoIn } from '../shared/fields';
import { eventOf } from '../shared/journal';

/** The fields of Recover as the engine wants them. @throws BackupError INVALID_INPUT */
export function recoverSettings(context: IExecuteFunctions, item: number) {
	const options = collectionOf(context, 'options', item, 'Options');
	const place = placeOf(context, item);
	eventOf(context, item).tell({ place: placeText(place) });
	const cluster = locatedText(context, 'cluster', item, 'Cluster').trim();
	const base = locatedIn(options, 'baseBackup', 'Base Backup').trim();
	const whenReached: unknown = context.getNodeParameter('whenReached', item);
	const action = RECOVERY_ACTIONS.find((one) => one === whenReached);
	if (!action) throw notOffered('When Reached', RECOVERY_ACTIONS);
	return {
		place,
		recovery: {
			target: targetOf(context, item, yesNoIn(options, 'inclusive', true, 'Inclusive')),
			action,
			cluster: cluster === '' ? undefined : cluster,
			base: base === '' ? undefined : base,
			timeline: numberUnless(options, 'timeline', 'Timeline', 0xffff_ffff),
			port: numberUnless(options, 'port', 'Port', 65_535),
			owner: ownerIn(options),
			keepsArchiving: yesNoIn(options, 'keepArchiving', false, 'Keep Archiving'),
		},
	};
}

/** Where the data directory is made, as it was typed. */
export interface RecoverPlace {
	type: 'folder' | 'tar';
	path: string;
}

/** For items and the journal: `folder /data`. */
export function placeText({ type, path }: RecoverPlace): string {
	return `${type === 'tar' ? 'file' : 'folder'} ${path}`;
}

function placeOf(context: IExecuteFunctions, item: number): RecoverPlace {
	const type = oneOf(context.getNodeParameter('recoverInto', item), ['folder', 'tar'], 'Recover Into');
	const [name, label, what] =
		type === 'tar'
			? (['targetFile', 'Into File', 'tar'] as const)
			: (['targetFolder', 'Into Folder', 'folder'] as const);
	const path = textOf(context.getNodeParameter(name, item), label).trim();
	if (path !== '') return { type, path };
	throw new BackupError('INVALID_INPUT', `No ${what} to recover into is named.`, { hint: `Fill in ${label}.` });
}

function targetOf(context: IExecuteFunctions, item: number, inclusive: boolean): RecoveryTarget {
	const text = (name: string, label: string) => {
		const value = textOf(context.getNodeParameter(name, item), label).trim();
		if (value !== '') return value;
		throw new BackupError('INVALID_INPUT', `${label} is empty.`, {
			hint: `Fill in ${label}, or choose something else in Recover To.`,
		});
	};
	const recoverTo: unknown = context.getNodeParameter('recoverTo', item);
	switch (recoverTo) {
		case 'time':
			return { type: 'time', time: parseRecoveryTime(text('time', 'Time')), inclusive };
		case 'lsn':
			return { type: 'lsn', lsn: parseLsn(text('lsn', 'LSN')), inclusive };
		case 'transaction':
			return { type: 'transaction', transaction: parseTransaction(text('transaction', 'Transaction')), inclusive };
		case 'restorePoint':
			return { type: 'restorePoint', name: parseRestorePoint(text('restorePoint', 'Restore Point')) };
		case 'immediate':
		case 'end':
			return { type: recoverTo };
		default:
			throw notOffered('Recover To', ['time', 'lsn', 'transaction', 'restorePoint', 'immediate', 'end']);
	}
}

function numberUnless(options: Fields, name: string, label: string, max: number): number | undefined {
	return Object.hasOwn(options, name) ? numberOf(options[name], label, { min: 1, max }) : undefined;
}

function ownerIn(options: Fields): { uid: number; gid: number } | undefined {
	const text = textOf(options['owner'], 'Owner').trim();
	if (text === '') return undefined;
	const [, uid, gid] = /^(\d{1,9}):(\d{1,9})$/.exec(text) ?? [];
	if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
	throw new BackupError('INVALID_INPUT', `Owner is ${JSON.stringify(text.slice(0, 40))}.`, {
		hint: 'Give the numbers of a user and a group with a colon between them, such as 999:999.',
	});
}

function notOffered(label: string, choices: readonly string[]): BackupError {
	return new BackupError('INVALID_INPUT', `${label} is none of its choices.`, {
		hint: `Give one of ${choices.join(', ')}.`,
	});
}
