import { listBackupsOperation } from '../../shared/listBackups';
import { backupContent, OWN_FOLDER, OWN_KINDS } from '../backupContent';

/** Lists the backups of PostgreSQL in the storage, newest first: one item for each. */
export const listBackups = listBackupsOperation({
	kinds: OWN_KINDS,
	ownFolder: OWN_FOLDER,
	contentOf: backupContent,
	nameFilter: {
		displayName: 'Database',
		name: 'databaseFilter',
		placeholder: 'e.g. shop',
		description: 'Only backups of this database. Leave empty for all. For roles and globals: globals.',
	},
});
