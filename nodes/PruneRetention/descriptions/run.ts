import type { INodeProperties } from 'n8n-workflow';

import { JOURNAL_DAYS } from '../../../engine';
import { timeZoneOption } from '../../shared/descriptions/archive';
import { requestedByOption } from '../../shared/descriptions/requestedBy';
import { simplifyField } from '../../shared/descriptions/simplify';
import { requireEncryptionOption } from '../../shared/descriptions/source';
import { shownFor } from '../../shared/operation';

const OPERATIONS = ['prune', 'dryRun'];

const options: INodeProperties[] = [
	{
		displayName: 'Folders',
		name: 'folders',
		type: 'multiOptions',
		typeOptions: { loadOptionsMethod: 'getFolders' },
		default: [],
		description:
			'Only these; a single slash, or no choice, is the whole storage. Weekly copies are made and pruned only where weekly/ is among them. Choose from the list, or give names by an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
	},
	{
		displayName: 'Future Tolerance (Minutes)',
		name: 'futureTolerance',
		type: 'number',
		typeOptions: { minValue: 0, maxValue: 525_600 },
		default: 60,
		description: 'A backup from a time further ahead than this means that a clock is wrong: nothing is deleted',
		displayOptions: { hide: { '/policy': ['json'] } },
	},
	{
		displayName: 'Keep Journal (Days)',
		name: 'journalDays',
		type: 'number',
		typeOptions: { minValue: 0, maxValue: 36_500 },
		default: JOURNAL_DAYS,
		description: 'Events of the journal that are older go; 0 keeps all of them',
		displayOptions: { show: { '/operation': ['prune'] } },
	},
	{
		displayName: 'Max Share to Delete (%)',
		name: 'maxShare',
		type: 'number',
		typeOptions: { minValue: 0, maxValue: 100 },
		default: 50,
		description: 'Nothing is deleted where more than this share of all backups would go',
		displayOptions: { hide: { '/policy': ['json'] } },
	},
	{
		displayName: 'On Refusal',
		name: 'onRefusal',
		type: 'options',
		options: [
			{ name: 'Continue', value: 'putOut', description: 'The summary has the reason in its field problem' },
			{ name: 'Fail', value: 'fail', description: 'The node fails with the reason' },
		],
		default: 'fail',
		description: 'What to do where a clock is wrong, or too much would go. What is refused is not deleted either way.',
		displayOptions: { show: { '/operation': ['prune'] } },
	},
	{
		displayName: 'Remove Orphans',
		name: 'removeOrphans',
		type: 'boolean',
		default: true,
		description:
			'Whether to remove what broken-off runs left, and archives that have lost their manifests, where they are certainly ours and older than a day',
	},
	{
		displayName: 'Remove Unproven',
		name: 'removeUnproven',
		type: 'boolean',
		default: false,
		description:
			'Whether to remove also archives without a manifest that look like ours by nothing but their names. A dry run lists them.',
	},
	{ ...requestedByOption, displayOptions: { show: { '/operation': ['prune'] } } },
	{
		...requireEncryptionOption,
		description:
			'Whether, with a Backup Encryption credential, backups that are not encrypted count as damaged; and with a passphrase in it, those whose manifest does not prove that it was made with this passphrase. Nothing is deleted of them or for their sake.',
	},
	timeZoneOption('Time zone whose days, weeks, months and years count'),
];

/** How Prune and Dry Run go about it. */
export const runFields: INodeProperties[] = [
	simplifyField(shownFor(OPERATIONS)),
	{
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add Option',
		default: {},
		displayOptions: shownFor(OPERATIONS),
		options,
	},
];
