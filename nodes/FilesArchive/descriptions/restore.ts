import type { INodeProperties } from 'n8n-workflow';

import { bandwidthOption } from '../../shared/descriptions/bandwidth';
import { heldFields, heldOptions, selectionFields } from '../../shared/descriptions/held';
import { asRunOption, dryRunOption } from '../../shared/descriptions/dryRun';
import { requestedByOption } from '../../shared/descriptions/requestedBy';
import { backupIdOption, latestBeforeOption } from '../../shared/descriptions/whichOfItsName';
import { optionsField } from '../../shared/descriptions/options';
import { existingEntriesFields } from '../../shared/descriptions/overwriting';
import { simplifyField } from '../../shared/descriptions/simplify';
import { shownFor } from '../../shared/operation';
import { OWN_FOLDER } from '../backupContent';

import { BACKUP_EXAMPLES } from './examples';
import { FOREIGN_TARS } from './foreign';

const shown = shownFor(['restore']);

const ownersOption: INodeProperties = {
	displayName: 'Restore Owners',
	name: 'owners',
	type: 'boolean',
	default: false,
	description:
		'Whether files get the owners and groups, by number, that they had, and the bits that run a program as its owner. Only where n8n runs as root.',
};

export const restoreFields: INodeProperties[] = [
	...heldFields(['restore'], BACKUP_EXAMPLES, FOREIGN_TARS),
	...selectionFields('restore', {
		alike: 'All paths that begin alike, such as those in a folder',
		prefix: 'What the paths begin with, relative to the folder that was backed up',
		prefixPlaceholder: 'e.g. contracts/2026/',
		entry: {
			choice: 'One File or Folder',
			field: 'File or Folder',
			description: 'Of a folder, all that is in it is restored as well',
			typed: {
				name: 'path',
				placeholder: 'e.g. contracts/2026/offer.pdf',
				hint: 'Relative to the folder that was backed up',
			},
		},
	}),
	{
		displayName: 'Into Folder',
		name: 'targetFolder',
		type: 'string',
		required: true,
		default: '',
		placeholder: 'e.g. /home/node/.n8n-files/restored',
		description:
			'Absolute path; it is made where it does not exist. n8n must allow nodes to use it: N8N_RESTRICT_FILE_ACCESS_TO.',
		displayOptions: shown,
	},
	...existingEntriesFields('restore', {
		displayName: 'Existing Files',
		one: 'a file',
		many: 'files',
		where: 'under the same path',
		notice:
			'Files that differ from the backup are replaced, and what they hold now is gone for good. What the backup does not hold stays, and so do folders that are not empty.',
		confirmation: {
			displayName: 'Confirm Folder',
			placeholder: 'e.g. /home/node/.n8n-files/restored',
			hint: 'Type the path of Into Folder once more; without it nothing is changed',
		},
	}),
	simplifyField(shown),
	optionsField('restore', [
		asRunOption,
		backupIdOption,
		bandwidthOption,
		dryRunOption,
		...heldOptions(OWN_FOLDER),
		latestBeforeOption,
		ownersOption,
		requestedByOption,
	]),
];
