import type { INodeProperties } from 'n8n-workflow';

import { filtersField } from '../../shared/descriptions/filters';
import { simplifyField } from '../../shared/descriptions/simplify';
import { shownFor } from '../../shared/operation';

import { levelField } from './level';
import { optionsField } from './options';
import { daysField } from './which';

const due = shownFor(['listBackups'], { which: ['due'] });

export const listBackupsFields: INodeProperties[] = [
	{
		displayName: 'Which Backups',
		name: 'which',
		type: 'options',
		noDataExpression: true,
		options: [
			{ name: 'All', value: 'all', description: 'Every backup in the storage, newest first' },
			{ name: 'Newest of Each', value: 'newest', description: 'Of each kind, name and selection in the storage' },
			{
				name: 'Not Verified for Days',
				value: 'due',
				description: 'Those that nobody has verified as deep as Level since then, newest first',
			},
		],
		default: 'due',
		displayOptions: shownFor(['listBackups']),
	},
	daysField(due),
	filtersField(shownFor(['listBackups'])),
	{ ...levelField, description: 'How deep a backup must have been verified', displayOptions: due },
	simplifyField(shownFor(['listBackups'])),
	optionsField('listBackups', []),
];
