import { listBackupsOperation } from '../../shared/listBackups';
import { backupContent, OWN_FOLDER, OWN_KINDS } from '../backupContent';

/** Lists the backups of files in the storage, newest first: one item for each. */
export const listBackups = listBackupsOperation({
	kinds: OWN_KINDS,
	ownFolder: OWN_FOLDER,
	contentOf: backupContent,
	nameFilter: {
		displayName: 'Name',
		name: 'nameFilter',
		placeholder: 'e.g. documents',
		description: 'Only backups of this name, by default that of the folder. Leave empty for all.',
	},
});
