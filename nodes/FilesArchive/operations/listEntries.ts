import { listTar } from '../../../engine';
import { listEntriesFields } from '../../shared/descriptions/held';
import { pathInBackup } from '../../shared/patterns';
import { listEntriesOperation } from '../../shared/tree/listEntries';
import { OWN_FOLDER, WANTED } from '../backupContent';
import { BACKUP_EXAMPLES } from '../descriptions/examples';
import { FOREIGN_TARS } from '../descriptions/foreign';
import { describeEntry } from '../entryItem';
import { isForeignTar, withForeignTar } from '../foreignTar';

const PREFIX = { name: 'pathPrefix', displayName: 'Path Prefix' };

/** Lists the files, folders and links of a backup, or of a tar. */
export const listEntries = listEntriesOperation({
	description: listEntriesFields('listEntries', {
		examples: BACKUP_EXAMPLES,
		foreign: FOREIGN_TARS,
		prefix: {
			...PREFIX,
			placeholder: 'e.g. contracts/2026/',
			description:
				'Only what has a path that begins so, relative to the folder that was backed up. Leave empty for all.',
		},
		ownFolder: OWN_FOLDER,
	}),
	wanted: { ...WANTED, ownFolder: OWN_FOLDER },
	prefix: { name: PREFIX.name, label: PREFIX.displayName, nameOf: pathInBackup },
	describe: describeEntry,
	foreign: {
		isNamed: isForeignTar,
		list: async (context, item, visit) => {
			const signal = context.getExecutionCancelSignal();
			return await withForeignTar(context, item, async (tar) => await listTar(tar, visit, signal));
		},
	},
});
