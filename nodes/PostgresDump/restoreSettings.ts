import type { IExecuteFunctions } from 'n8n-workflow';

import { BackupError, type OwnerMapping, type RestoreSelection, type RestoreTarget } from '../../engine';
import { keptCopiesIn } from '../shared/descriptions/keptCopies';
import { collectionOf, type Fields, locatedText, selectedIn, textOf, yesNoIn } from '../shared/fields';
import { folderOf } from '../shared/folder';
import { eventOf } from '../shared/journal';
import { unquoted } from '../shared/lists';
import { connectTimeoutIn } from '../shared/postgresConnection';

import { OWN_FOLDER } from './backupContent';
import { parallelIn } from './connectionOptions';

/** The fields of descriptions/target.ts as the engine wants them. */
export function restoreTarget(context: IExecuteFunctions, item: number): RestoreTarget {
	const type = context.getNodeParameter('target', item) as RestoreTarget['type'];
	const isNew = type === 'newDatabase';
	const label = isNew ? 'Database Name' : 'Database';
	const database = isNew
		? textOf(context.getNodeParameter('targetDatabase', item), label)
		: locatedText(context, 'existingDatabase', item, label);
	if (!database) {
		throw new BackupError('INVALID_INPUT', 'No database to restore into is named.', { hint: `Fill in ${label}.` });
	}
	eventOf(context, item).tell({ place: `database ${database}` });
	if (isNew) return { type, database };
	const confirmation = textOf(context.getNodeParameter('confirmation', item, ''), 'Confirm Database Name');
	if (type === 'safeSwap') {
		const keptCopies = keptCopiesIn(collectionOf(context, 'options', item, 'Options'));
		return { type, database, confirmation, keptCopies };
	}
	if (type !== 'existing') return { type, database, confirmation };
	return { type, database, confirmation, before: context.getNodeParameter('before', item) as 'nothing' };
}

/**
 * The Selection collection: what was chosen in drop-downs and what was written, together. Tables that are to be emptied have
 * their definitions already: then it is data only.
 */
export function restoreSelection(context: IExecuteFunctions, item: number, target: RestoreTarget): RestoreSelection {
	const fields = collectionOf(context, 'selection', item, 'Selection');
	const emptied = target.type === 'existing' && target.before === 'truncate';
	return {
		schemas: [
			...selectedIn(fields, 'schemas', 'Schemas'),
			...selectedIn(fields, 'schemaNames', 'Schemas by Name').map(unquoted),
		],
		tables: [...selectedIn(fields, 'tables', 'Tables'), ...selectedIn(fields, 'tableNames', 'Tables by Name')],
		dataOnly: emptied || yesNoIn(fields, 'dataOnly', false, 'Data Only'),
	};
}

interface OptionFields extends Fields {
	owner?: OwnerMapping['type'];
	onObjectError?: 'stop' | 'collect';
	existingRoles?: 'update' | 'skip';
	folder?: string;
}

/** The Options collection of a restore. */
export function restoreOptionsOf(context: IExecuteFunctions, item: number) {
	const fields = collectionOf(context, 'options', item, 'Options') as OptionFields;
	return {
		owner: ownerMapping(fields),
		privileges: yesNoIn(fields, 'privileges', true, 'Include Privileges'),
		collectErrors: fields.onObjectError === 'collect',
		parallel: parallelIn(fields),
		connectTimeout: connectTimeoutIn(fields),
		overOwnDatabase: yesNoIn(fields, 'overOwnDatabase', false, 'Over n8n’s Own Database'),
		existingRoles: fields.existingRoles ?? 'update',
		folder: folderOf(fields, OWN_FOLDER),
	};
}

function ownerMapping(fields: OptionFields): OwnerMapping {
	const { owner = 'asDumped' } = fields;
	if (owner !== 'role') return { type: owner };
	const ownerRole = textOf(fields['ownerRole'], 'Owner Role');
	if (ownerRole !== '') return { type: 'role', role: ownerRole };
	throw new BackupError('INVALID_INPUT', 'Owner is One Role, but no role is named.', { hint: 'Fill in Owner Role.' });
}
