import type { IExecuteFunctions } from 'n8n-workflow';

import { BackupError, JOURNAL_DAYS } from '../../engine';
import { collectionOf, type Fields, numberIn, textOf, yesNoIn } from '../shared/fields';
import { splitList } from '../shared/lists';

import { policySettings } from './policySettings';
import { wrong } from './ruleSettings';

/** What stands for the whole storage, where folders are named. */
const WHOLE_STORAGE = '/';

/** The fields of Prune and Dry Run as the engine wants them. @throws BackupError INVALID_INPUT that names the field */
export function runSettings(context: IExecuteFunctions, item: number) {
	const options = collectionOf(context, 'options', item, 'Options');
	return {
		policy: policySettings(context, item),
		timeZone: textOf(options['timeZone'], 'Time Zone').trim() || 'UTC',
		folders: foldersOf(options),
		journalDays: numberIn(options, 'journalDays', JOURNAL_DAYS, 'Keep Journal (Days)', { min: 0, max: 36_500 }),
		removeOrphans: yesNoIn(options, 'removeOrphans', true, 'Remove Orphans'),
		removeUnproven: yesNoIn(options, 'removeUnproven', false, 'Remove Unproven'),
	};
}

export type RunSettings = ReturnType<typeof runSettings>;

/** What the settings name, as beginnings of keys; none for the whole storage. */
export function prefixesOf({ folders }: RunSettings): string[] {
	return folders.includes(WHOLE_STORAGE) ? [] : folders;
}

/** What a refusal of the policy does to the node. */
export function failsOnRefusal(context: IExecuteFunctions, item: number): boolean {
	const { onRefusal = 'fail' } = collectionOf(context, 'options', item, 'Options');
	if (onRefusal === 'fail') return true;
	if (onRefusal === 'putOut') return false;
	throw wrong('On Refusal', onRefusal, 'Choose fail or putOut.');
}

/** Folders with their slashes: `postgres/`. One that was added and names nothing is refused: all would be meant. */
function foldersOf(options: Fields): string[] {
	if (!Object.hasOwn(options, 'folders')) return [WHOLE_STORAGE];
	const folders = splitList(options['folders'], 'Folders').map((folder) => {
		const bare = folder.trim().replace(/^\/+|\/+$/g, '');
		return `${bare}/`;
	});
	if (folders.length > 0) return folders;
	throw new BackupError('INVALID_INPUT', 'Folders is empty: without it the whole storage would be meant.', {
		hint: 'Name folders, write / for the whole storage, or take the option out. If it is an expression, look at what it gives.',
	});
}
