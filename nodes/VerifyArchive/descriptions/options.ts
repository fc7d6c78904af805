import type { INodeProperties } from 'n8n-workflow';

import { folderOption } from '../../shared/descriptions/source';
import { shownFor } from '../../shared/operation';

const onFailure: INodeProperties = {
	displayName: 'On Failure',
	name: 'onFailure',
	type: 'options',
	options: [
		{ name: 'Continue', value: 'putOut', description: 'With items on the output Failed' },
		{
			name: 'Stop the Workflow',
			value: 'stop',
			description: 'With an error, after everything was looked at and recorded',
		},
	],
	default: 'putOut',
	description: 'What to do where something has not passed',
};

export const recordOption: INodeProperties = {
	displayName: 'Record Result',
	name: 'record',
	type: 'boolean',
	default: true,
	description:
		'Whether to write the result beside the backup, where List Backups, Prune Retention and Not Verified for Days find it',
};

const folder: INodeProperties = {
	...folderOption(''),
	placeholder: 'e.g. postgres',
	description: 'Folder in the storage, with those inside it; empty for all of it',
};

/** The Options collection of an operation. */
export function optionsField(operation: string, options: INodeProperties[], isJudged = true): INodeProperties {
	return {
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add Option',
		default: {},
		displayOptions: shownFor([operation]),
		options: [folder, ...(isJudged ? [onFailure] : []), ...options].sort((a, b) =>
			a.displayName.localeCompare(b.displayName),
		),
	};
}
