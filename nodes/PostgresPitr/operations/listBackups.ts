import { listBackupsOperation } from '../../shared/listBackups';
import { baseContent, OWN_FOLDER, OWN_KINDS } from '../backupContent';

/** Lists the physical backups in the storage, newest first: one item for each. */
export const listBackups = listBackupsOperation({
	kinds: OWN_KINDS,
	ownFolder: OWN_FOLDER,
	contentOf: baseContent,
	nameFilter: {
		displayName: 'Name',
		name: 'nameFilter',
		placeholder: 'e.g. main',
		description: 'Only backups of this name; all where empty',
	},
});
