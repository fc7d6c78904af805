import type { INodeProperties } from 'n8n-workflow';

import { simplifyField } from '../../shared/descriptions/simplify';
import { shownFor } from '../../shared/operation';

import { onFailureFields } from '../../shared/descriptions/onFailure';
import { optionsField } from './options';
import { filtersField } from '../../shared/descriptions/filters';
import { anyBackupField, incomingField } from './which';

const shown = (which: string[]) => shownFor(['checkTrend'], { which });

const options: INodeProperties[] = [
	{
		displayName: 'Deviations',
		name: 'deviations',
		type: 'number',
		typeOptions: { minValue: 1, maxValue: 1000 },
		default: 5,
		description: 'How many times further from the median than usual a backup may be',
	},
	{
		displayName: 'Min Backups',
		name: 'minSamples',
		type: 'number',
		typeOptions: { minValue: 2, maxValue: 1000 },
		default: 5,
		description: 'With fewer earlier backups there is no trend, and only a loss of all rows or points is reported',
	},
	{
		displayName: 'Min Difference (%)',
		name: 'minShare',
		type: 'number',
		typeOptions: { minValue: 0, maxValue: 1000 },
		default: 30,
		description: 'Smaller differences from the median are never reported',
	},
	{
		displayName: 'Measures',
		name: 'measures',
		type: 'multiOptions',
		options: [
			{ name: 'Duration', value: 'duration' },
			{ name: 'Files', value: 'files' },
			{ name: 'Points', value: 'points' },
			{ name: 'Rows', value: 'rows' },
			{ name: 'Size of Files', value: 'bytes' },
			{ name: 'Stored Size', value: 'size' },
		],
		default: ['size', 'rows', 'points', 'files', 'bytes', 'duration'],
		description: 'What to look at',
	},
	{
		displayName: 'Trend Length',
		name: 'window',
		type: 'number',
		typeOptions: { minValue: 2, maxValue: 10000 },
		default: 30,
		description: 'How many earlier backups of the same kind, name and selection make the trend',
	},
];

export const checkTrendFields: INodeProperties[] = [
	{
		displayName: 'Which Backups',
		name: 'which',
		type: 'options',
		noDataExpression: true,
		options: [
			{ name: 'Incoming Item', value: 'incoming', description: 'The backup that each incoming item tells of' },
			{ name: 'Newest of Each', value: 'newest', description: 'Of each kind, name and selection in the storage' },
			{ name: 'One', value: 'one', description: 'From a list, the latest of a name, by ID or by file' },
		],
		default: 'newest',
		displayOptions: shownFor(['checkTrend']),
	},
	anyBackupField(shown(['one'])),
	incomingField(shown(['incoming'])),
	filtersField(shown(['newest'])),
	...onFailureFields('checkTrend'),
	simplifyField(shownFor(['checkTrend'])),
	optionsField('checkTrend', options),
];
