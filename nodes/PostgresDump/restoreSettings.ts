import type { IExecuteFunctions } from 'n8n-workflow';

import { BackupError, type OwnerMapping, type RestoreSelection, type RestoreTarget } from '../../engine';
import { folderOf } from '../shared/folder';
import { splitList } from '../shared/lists';

import { OWN_FOLDER } from './backupContent';

/** The fields of descriptions/target.ts as the engine wants them. */
export function restoreTarget(context: IExecuteFunctions, item: number): RestoreTarget {
	const type = context.getNodeParameter('target', item) as RestoreTarget['type'];
	const database = context.getNodeParameter('targetDatabase', item) as string;
	if (!database) {
		throw new BackupError('INVALID_INPUT', 'No database to restore into is named.', { hint: 'Fill in Database Name.' });
	}
	if (type === 'newDatabase') return { type, database };
	const confirmation = context.getNodeParameter('confirmation', item, '') as string;
	if (type !== 'existing') return { type, database, confirmation };
	return { type, database, confirmation, before: context.getNodeParameter('before', item) as 'nothing' };
}

interface SelectionFields {
	schemas?: string[];
	schemaNames?: string;
	tables?: string[];
	tableNames?: string;
	dataOnly?: boolean;
}

/**
 * The Selection collection: what was chosen in drop-downs and what was written, together. Tables that are to be emptied have
 * their definitions already: then it is data only.
 */
export function restoreSelection(context: IExecuteFunctions, item: number, target: RestoreTarget): RestoreSelection {
	const fields = context.getNodeParameter('selection', item, {}) as SelectionFields;
	const emptied = target.type === 'existing' && target.before === 'truncate';
	return {
		schemas: [...splitList(fields.schemas), ...splitList(fields.schemaNames).map(unquoted)],
		tables: [...splitList(fields.tables), ...splitList(fields.tableNames)],
		dataOnly: emptied || (fields.dataOnly ?? false),
	};
}

/** A schema's name, which may be written in quotes as SQL wants it. */
function unquoted(name: string): string {
	const [, quoted] = /^"((?:[^"]|"")*)"$/.exec(name) ?? [];
	return quoted === undefined ? name : quoted.replaceAll('""', '"');
}

interface OptionFields {
	owner?: OwnerMapping['type'];
	ownerRole?: string;
	privileges?: boolean;
	onObjectError?: 'stop' | 'collect';
	parallel?: number;
	connectTimeout?: number;
	existingRoles?: 'update' | 'skip';
	folder?: string;
}

/** The Options collection of a restore. */
export function restoreOptionsOf(context: IExecuteFunctions, item: number) {
	const fields = context.getNodeParameter('options', item, {}) as OptionFields;
	return {
		owner: ownerMapping(fields),
		privileges: fields.privileges ?? true,
		collectErrors: fields.onObjectError === 'collect',
		parallel: fields.parallel ?? 2,
		connectTimeout: (fields.connectTimeout ?? 30) * 1000,
		existingRoles: fields.existingRoles ?? 'update',
		folder: folderOf(fields, OWN_FOLDER),
	};
}

function ownerMapping({ owner = 'asDumped', ownerRole = '' }: OptionFields): OwnerMapping {
	if (owner !== 'role') return { type: owner };
	if (ownerRole !== '') return { type: 'role', role: ownerRole };
	throw new BackupError('INVALID_INPUT', 'Owner is One Role, but no role is named.', { hint: 'Fill in Owner Role.' });
}
