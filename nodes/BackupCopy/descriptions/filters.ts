import type { IExecuteFunctions, INodeProperties } from 'n8n-workflow';

import { BACKUP_KINDS, type CopyFilters } from '../../../engine';
import { oneOf } from '../../shared/choice';
import { filtersField } from '../../shared/descriptions/filters';
import { collectionOf, numberOf, selectedIn } from '../../shared/fields';

const DAY_MS = 24 * 60 * 60 * 1000;

/** What narrows down copies and comparisons beyond kinds and names. */
const OWN: INodeProperties[] = [
	{
		displayName: 'Newer Than (Days)',
		name: 'newerThan',
		type: 'number',
		typeOptions: { minValue: 1, maxValue: 36_500 },
		default: 30,
		description: 'Only backups that began in the last so many days, and what they need',
	},
	{
		displayName: 'Tags',
		name: 'tags',
		type: 'string',
		default: '',
		placeholder: 'e.g. nightly, before-upgrade',
		description: 'Only backups that have at least one of these tags, separated by commas',
	},
];

/** Narrows down what is copied or compared. */
export function copyFiltersField(displayOptions: INodeProperties['displayOptions']): INodeProperties {
	return filtersField(displayOptions, OWN);
}

/** What Filters says. @throws BackupError INVALID_INPUT that names the field */
export function filtersOf(context: IExecuteFunctions, item: number, now: Date): CopyFilters {
	const fields = collectionOf(context, 'filters', item, 'Filters');
	const kinds = selectedIn(fields, 'kinds', 'Kinds').map((kind) => oneOf(kind, BACKUP_KINDS, 'Kinds'));
	const names = selectedIn(fields, 'names', 'Names');
	const tags = selectedIn(fields, 'tags', 'Tags');
	const days = Object.hasOwn(fields, 'newerThan')
		? numberOf(fields['newerThan'], 'Newer Than (Days)', { min: 1, max: 36_500 })
		: undefined;
	return {
		...(kinds.length > 0 && { kinds }),
		...(names.length > 0 && { names }),
		...(tags.length > 0 && { tags }),
		...(days !== undefined && { since: new Date(now.getTime() - days * DAY_MS) }),
	};
}
