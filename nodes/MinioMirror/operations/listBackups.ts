import { listBackupsOperation } from '../../shared/listBackups';
import { backupContent, OWN_FOLDER, OWN_KINDS } from '../backupContent';

/** Lists the backups of buckets in the storage, newest first: one item for each. */
export const listBackups = listBackupsOperation({
	kinds: OWN_KINDS,
	ownFolder: OWN_FOLDER,
	contentOf: backupContent,
	nameFilter: {
		displayName: 'Bucket',
		name: 'bucketFilter',
		placeholder: 'e.g. documents',
		description: 'Only backups of this bucket. Leave empty for all.',
	},
});
