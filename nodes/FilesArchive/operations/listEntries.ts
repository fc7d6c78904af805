import type { INodeExecutionData } from 'n8n-workflow';

import { readIndex, Selection } from '../../../engine';
import { collectionOf, numberOf, textOf } from '../../shared/fields';
import { folderOf } from '../../shared/folder';
import { showWarnings } from '../../shared/hints';
import type { Operation } from '../../shared/operation';
import { isSimplified } from '../../shared/simplify';
import { OWN_FOLDER } from '../backupContent';
import { listEntriesFields } from '../descriptions/listEntries';
import { describeEntry } from '../entryItem';
import { withHeldBackup } from '../heldBackup';
import { pathInBackup, patternChoices } from '../../shared/patterns';

/** Lists what a backup holds, in the order of paths: one item for each entry. Its content is not read. */
export const listEntries: Operation = {
	description: listEntriesFields,
	async execute(context, item) {
		const isSimple = isSimplified(context, item);
		const prefix = pathInBackup(textOf(context.getNodeParameter('pathPrefix', item), 'Path Prefix'));
		const selection = new Selection({ prefix, ...patternChoices(context, item) });
		const range = { min: 1, max: Number.MAX_SAFE_INTEGER };
		const limit = context.getNodeParameter('returnAll', item)
			? Infinity
			: numberOf(context.getNodeParameter('limit', item), 'Limit', range);
		const folder = folderOf(collectionOf(context, 'options', item, 'Options'), OWN_FOLDER);
		return await withHeldBackup(context, item, folder, async ({ reader, place: { remark } }) => {
			if (remark !== undefined) showWarnings(context, [remark]);
			const items: INodeExecutionData[] = [];
			for await (const entry of readIndex(reader, context.getExecutionCancelSignal())) {
				if (!selection.takes(entry.name)) continue;
				items.push({ json: describeEntry(entry, isSimple) });
				if (items.length >= limit) break;
			}
			return items;
		});
	},
};
