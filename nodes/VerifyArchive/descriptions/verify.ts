import type { INodeProperties } from 'n8n-workflow';

import { bandwidthOption } from '../../shared/descriptions/bandwidth';
import { simplifyField } from '../../shared/descriptions/simplify';
import { requireEncryptionOption } from '../../shared/descriptions/source';
import { shownFor } from '../../shared/operation';

import { onFailureFields } from '../../shared/descriptions/onFailure';
import { optionsField, recordOption, scratchOptions } from './options';
import { levelField } from './level';
import { scratchFields } from './scratch';
import { whichFields } from './which';

const level: INodeProperties = {
	...levelField,
	description: 'How deep to look; each level holds the ones before it',
	displayOptions: shownFor(['verify']),
};

const inList = { '/which': ['all', 'newest', 'due'] };

const options: INodeProperties[] = [
	bandwidthOption,
	{
		displayName: 'Max Backups per Run',
		name: 'maxBackups',
		type: 'number',
		typeOptions: { minValue: 0, maxValue: 1000000 },
		default: 0,
		description: 'How many to verify at most; 0 for all. A hint tells how many remain.',
		displayOptions: { show: inList },
	},
	recordOption,
	requireEncryptionOption,
	{
		displayName: 'Stop After (Minutes)',
		name: 'stopAfter',
		type: 'number',
		typeOptions: { minValue: 0, maxValue: 100000 },
		default: 0,
		description: 'After how long no further backup is begun; 0 for no limit. A hint tells how many remain.',
		displayOptions: { show: inList },
	},
	...scratchOptions({ '/level': ['restore'] }),
];

export const verifyFields: INodeProperties[] = [
	...whichFields,
	level,
	...scratchFields('verify', { level: ['restore'] }),
	...onFailureFields('verify'),
	simplifyField(shownFor(['verify'])),
	optionsField('verify', options),
];
