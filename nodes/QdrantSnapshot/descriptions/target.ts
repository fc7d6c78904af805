import type { INodeProperties } from 'n8n-workflow';

import { existingField } from '../../shared/descriptions/existing';
import { shownFor } from '../../shared/operation';

const shown = (target: string[]) => shownFor(['restore'], { target });

/** Where a restore goes, and the confirmation that everything but a new collection asks for. */
export const targetFields: INodeProperties[] = [
	{
		displayName: 'Target',
		name: 'target',
		type: 'options',
		noDataExpression: true,
		options: [
			{
				name: 'New Collection',
				value: 'newCollection',
				description: 'Create a collection; it is removed again if the restore fails',
			},
			{
				name: 'Existing Collection, Safe Swap',
				value: 'safeSwap',
				description:
					'Restore into a staging collection, check, then put it in place; the old one is kept under another name',
			},
			{
				name: 'Existing Collection, Restore Over',
				value: 'existing',
				description: 'Replace the points of the collection as it stands; nothing of them is kept',
			},
		],
		default: 'newCollection',
		displayOptions: shownFor(['restore']),
	},
	{
		displayName: 'Collection Name',
		name: 'targetCollection',
		type: 'string',
		required: true,
		default: '',
		placeholder: 'e.g. docs_restored',
		description: 'Name of the collection to create; neither a collection nor an alias may have that name yet',
		displayOptions: shown(['newCollection']),
	},
	existingField({
		displayName: 'Collection',
		name: 'existingCollection',
		description: 'The collection to restore over; for a safe swap the name that clients use, which may be an alias',
		placeholder: { list: 'Select a collection...', name: 'e.g. docs' },
		searchListMethod: 'searchTargets',
		displayOptions: shown(['safeSwap', 'existing']),
	}),
	{
		displayName:
			'By an alias, the swap is one step, and the old collection stays. By the name of a collection itself, the old points are copied first, as <code>name_before_YYYYMMDD_HHMMSS</code>, and for a moment clients see the old points or none: Qdrant cannot rename. What is kept takes its disk space until you delete it.',
		name: 'safeSwapNotice',
		type: 'notice',
		default: '',
		displayOptions: shown(['safeSwap']),
	},
	{
		displayName:
			'The points that the collection holds now, those written since the backup too, are gone for good once the snapshot is in place. Its aliases stay, and payload indexes that the backup lacks.',
		name: 'existingNotice',
		type: 'notice',
		default: '',
		displayOptions: shown(['existing']),
	},
	{
		displayName: 'Confirm Collection Name',
		name: 'confirmation',
		type: 'string',
		required: true,
		default: '',
		placeholder: 'e.g. docs',
		hint: 'Type the name once more; without it nothing is changed',
		displayOptions: shown(['safeSwap', 'existing']),
	},
	{
		displayName: 'Aliases',
		name: 'aliases',
		type: 'options',
		options: [
			{ name: 'Give Those That Are Free', value: 'free', description: 'Those that no collection has now' },
			{ name: 'Give All', value: 'all', description: 'Take them away from the collections that have them now' },
			{ name: 'Leave Alone', value: 'leave' },
		],
		default: 'free',
		description: 'What becomes of the aliases that the collection had when it was backed up',
		displayOptions: shownFor(['restore'], { source: ['storage', 'binaryData'] }),
	},
];
