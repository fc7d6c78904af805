import type { INodeProperties } from 'n8n-workflow';

import { bandwidthOption } from '../../shared/descriptions/bandwidth';
import { onFailureFields } from '../../shared/descriptions/onFailure';
import { simplifyField } from '../../shared/descriptions/simplify';
import { requireEncryptionOption } from '../../shared/descriptions/source';
import { shownFor } from '../../shared/operation';

import { copyFiltersField } from './filters';

const COMPARE = ['compare'];

/** The fields of Compare. */
export const compareFields: INodeProperties[] = [
	{
		displayName: 'Read Everything',
		name: 'readEverything',
		type: 'boolean',
		default: false,
		description:
			'Whether to read every archive of both storages and compare its hash, instead of comparing sizes and manifests. Cloud storage may charge for what is read.',
		displayOptions: shownFor(COMPARE),
	},
	copyFiltersField(shownFor(COMPARE)),
	...onFailureFields('compare', 'What is missing in the second storage, different or damaged'),
	simplifyField(shownFor(COMPARE)),
	{
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add Option',
		default: {},
		displayOptions: shownFor(COMPARE),
		options: [
			bandwidthOption,
			{
				displayName: 'Include Same',
				name: 'includeSame',
				type: 'boolean',
				default: true,
				description: 'Whether there are items also for what both storages hold alike',
			},
			{
				...requireEncryptionOption,
				description:
					'Whether, with a Backup Encryption credential, backups that are not encrypted count as damaged; and with a passphrase in it, those whose manifest does not prove that it was made with this passphrase',
			},
		],
	},
];
