import { listBackupsOperation } from '../../shared/listBackups';
import type { Operation } from '../../shared/operation';
import { OWN_FOLDER, WORKFLOW_KINDS, workflowContent } from '../backupContent';
import { backupContent, OWN_KINDS as INSTANCE_KINDS } from '../instance/backupContent';

const common = {
	ownFolder: OWN_FOLDER,
	nameFilter: {
		displayName: 'Name',
		name: 'nameFilter',
		placeholder: 'e.g. workflows',
		description: 'Only backups of this name. Leave empty for all.',
	},
};
const exportsOfWorkflows = listBackupsOperation({ ...common, kinds: WORKFLOW_KINDS, contentOf: workflowContent });
const backupsOfInstances = listBackupsOperation({ ...common, kinds: INSTANCE_KINDS, contentOf: backupContent });

/** Lists the backups of the chosen resource in the storage, newest first: one item for each. */
export const listBackups: Operation = {
	description: exportsOfWorkflows.description,
	execute: async (context, item) => {
		const isInstance = context.getNodeParameter('resource', item) === 'instance';
		return await (isInstance ? backupsOfInstances : exportsOfWorkflows).execute(context, item);
	},
};
