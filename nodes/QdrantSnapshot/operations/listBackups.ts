import { listBackupsOperation } from '../../shared/listBackups';
import { backupContent, OWN_FOLDER, OWN_KINDS } from '../backupContent';

/** Lists the backups of Qdrant in the storage, newest first: one item for each. */
export const listBackups = listBackupsOperation({
	kinds: OWN_KINDS,
	ownFolder: OWN_FOLDER,
	contentOf: backupContent,
	nameFilter: {
		displayName: 'Collection',
		name: 'collectionFilter',
		placeholder: 'e.g. docs',
		description: 'Only backups of this collection. Leave empty for all. For those of the whole storage: storage.',
	},
});
