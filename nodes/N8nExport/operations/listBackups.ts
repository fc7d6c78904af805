import { listBackupsOperation } from '../../shared/listBackups';
import { OWN_FOLDER, WORKFLOW_KINDS, workflowContent } from '../backupContent';
import { backupContent, OWN_KINDS as INSTANCE_KINDS } from '../instance/backupContent';

/** Lists the exports of workflows and the backups of instances in the storage, newest first: one item for each. */
export const listBackups = listBackupsOperation({
	kinds: [...WORKFLOW_KINDS, ...INSTANCE_KINDS],
	ownFolder: OWN_FOLDER,
	contentOf: (manifest) => (manifest.kind === 'n8n-instance' ? backupContent(manifest) : workflowContent(manifest)),
	nameFilter: {
		displayName: 'Name',
		name: 'nameFilter',
		placeholder: 'e.g. workflows',
		description: 'Only backups of this name; all where empty',
	},
});
