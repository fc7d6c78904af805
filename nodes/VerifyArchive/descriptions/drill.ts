import type { INodeProperties } from 'n8n-workflow';

import { bandwidthOption } from '../../shared/descriptions/bandwidth';
import { KIND_OPTIONS } from '../../shared/descriptions/kinds';
import { simplifyField } from '../../shared/descriptions/simplify';
import { requireEncryptionOption } from '../../shared/descriptions/source';
import { shownFor } from '../../shared/operation';

import { onFailureFields } from '../../shared/descriptions/onFailure';
import { optionsField, recordOption, scratchOptions } from './options';
import { scratchFields } from './scratch';

export const drillFields: INodeProperties[] = [
	{
		displayName: 'Kinds',
		name: 'kinds',
		type: 'multiOptions',
		options: KIND_OPTIONS,
		default: [],
		description:
			'What has to come back: the drill fails where one of them has no backup. Without a choice, it is whatever was backed up.',
		displayOptions: shownFor(['drill']),
	},
	{
		displayName: 'Max Age (Hours)',
		name: 'maxAge',
		type: 'number',
		typeOptions: { minValue: 0, maxValue: 1000000 },
		default: 0,
		description: 'How old the newest whole backup of each may be, or the drill fails; 0 for any age',
		displayOptions: shownFor(['drill']),
	},
	...scratchFields('drill'),
	...onFailureFields('drill'),
	simplifyField(shownFor(['drill'])),
	optionsField('drill', [
		bandwidthOption,
		recordOption,
		requireEncryptionOption,
		...scratchOptions({ '/operation': ['drill'] }),
	]),
];
