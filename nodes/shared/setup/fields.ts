import type { INodeProperties } from 'n8n-workflow';

import { simplifyField } from '../descriptions/simplify';
import { shownFor } from '../operation';

export const CHECK_SETUP = 'checkSetup';

/** The entry of the Operation field. @param action `Check the setup of database backups` */
export const checkSetupOption = (action: string, value = CHECK_SETUP) => ({
	name: 'Check Setup',
	value,
	description: 'Find out what would make a backup or a restore fail, and what to do about it',
	action,
});

/** Whether the storage is looked at, too: shows and hides its credentials. */
export const WITH_STORAGE = 'checkStorage';

/**
 * The fields of Check Setup.
 * @param own those of the node, which come first
 * @param onlyStorage whether the storage is all that there is to look at
 */
export function checkSetupFields({
	own = [],
	options = [],
	onlyStorage = false,
	operation = CHECK_SETUP,
}: {
	own?: INodeProperties[];
	options?: INodeProperties[];
	onlyStorage?: boolean;
	operation?: string;
}): INodeProperties[] {
	const shown = shownFor([operation]);
	return [
		...own,
		...(onlyStorage
			? []
			: [
					{
						displayName: 'Storage and n8n',
						name: WITH_STORAGE,
						type: 'boolean',
						default: true,
						description:
							'Whether to also look at the storage, the encryption, and the settings of n8n. Where several nodes check one storage, one of them is enough.',
						displayOptions: shown,
					} satisfies INodeProperties,
				]),
		{
			displayName: 'Check For',
			name: 'checkFor',
			type: 'multiOptions',
			options: [
				{ name: 'Backup', value: 'backup', description: 'What would make a backup fail' },
				{ name: 'Restore', value: 'restore', description: 'What would make a restore with these credentials fail' },
				{ name: 'Verification', value: 'verification', description: 'What would keep backups from being tried' },
			],
			default: ['backup', 'restore', 'verification'],
			description: 'What these credentials are for. A role that only backs up need not be allowed to restore.',
			displayOptions: shown,
		},
		{
			displayName: 'Show',
			name: 'showFindings',
			type: 'options',
			options: [
				{ name: 'Everything', value: 'all', description: 'Also what is as it should be' },
				{ name: 'Problems and Warnings', value: 'bad', description: 'No item where all is well' },
			],
			default: 'all',
			description: 'Which findings become items, the gravest first',
			displayOptions: shown,
		},
		{
			displayName: 'On Problem',
			name: 'onProblem',
			type: 'options',
			options: [
				{ name: 'Continue', value: 'putOut', description: 'With an item for each finding' },
				{
					name: 'Fail',
					value: 'fail',
					description: 'With an error, once everything was looked at. Warnings end nothing.',
				},
			],
			default: 'putOut',
			description: 'What to do where something would fail',
			displayOptions: shown,
		},
		simplifyField(shown),
		...(options.length === 0
			? []
			: [
					{
						displayName: 'Options',
						name: 'options',
						type: 'collection',
						placeholder: 'Add Option',
						default: {},
						displayOptions: shown,
						options,
					} satisfies INodeProperties,
				]),
	];
}
