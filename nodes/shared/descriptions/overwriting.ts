import type { INodeProperties } from 'n8n-workflow';

import { shownFor } from '../operation';

/** How a node says what becomes of entries that are there already. */
export interface ExistingWords {
	/** `Existing Files` */
	displayName: string;
	/** `a file` */
	one: string;
	/** `files` */
	many: string;
	/** `under the same path` */
	where: string;
	/** What goes and what stays where it is chosen to overwrite. */
	notice: string;
	/** What has to be typed once more. */
	confirmation: Pick<INodeProperties, 'displayName' | 'placeholder' | 'hint'>;
}

/** What becomes of entries that are there already where a backup is restored to. */
export function existingEntriesFields(operation: string, words: ExistingWords): INodeProperties[] {
	const { displayName, one, many, where, notice, confirmation } = words;
	const overwriting = shownFor([operation], { existing: ['overwrite'] });
	return [
		{
			displayName,
			name: 'existing',
			type: 'options',
			noDataExpression: true,
			options: [
				{
					name: 'Fail',
					value: 'fail',
					description: `Restore nothing where ${one} is there already and is not the same as in the backup`,
				},
				{ name: 'Overwrite', value: 'overwrite', description: 'Replace them by those of the backup' },
				{ name: 'Skip', value: 'skip', description: 'Leave them as they are, and restore the others' },
			],
			default: 'fail',
			description: `What becomes of ${many} that are there already ${where}`,
			displayOptions: shownFor([operation]),
		},
		{ displayName: notice, name: 'overwriteNotice', type: 'notice', default: '', displayOptions: overwriting },
		{
			...confirmation,
			name: 'confirmation',
			type: 'string',
			required: true,
			default: '',
			displayOptions: overwriting,
		},
	];
}
