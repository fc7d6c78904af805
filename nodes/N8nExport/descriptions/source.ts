import type { INodeProperties } from 'n8n-workflow';

import { backupField, backupModes, fileField, manifestField, sourceFields } from '../../shared/descriptions/source';
import { shownFor } from '../../shared/operation';

const EXAMPLES = {
	latest: 'workflows',
	latestHint: 'The name of the backup: its newest one',
	file: 'n8n/workflows_20260131_020000.json',
};

const NOUNS = {
	storage: 'A backup that Export has made',
	binary: 'A file of the input: an export, or what n8n export:workflow or Download in the editor has made',
};

/** Where workflows are read from: backups, and files that n8n has made. */
export function workflowSourceFields(operations: string[]): INodeProperties[] {
	return [
		...sourceFields(operations, NOUNS, [
			{
				name: 'Workflow File in Backup Storage',
				value: 'workflowFile',
				description: 'What n8n export:workflow has made, or Download in the editor',
			},
		]),
		manifestField(operations, 'Without it, the file is read as one that n8n has made.'),
		backupField(operations, EXAMPLES),
		fileField(
			'workflowFile',
			'JSON of one workflow or a list of them, or a tar of a folder with a file a workflow; as it is, or compressed by gzip or zstd, or encrypted by gpg',
			'e.g. uploads/workflows.json',
			shownFor(operations, { source: ['workflowFile'] }),
		),
	];
}

/** The backup that another one is compared with. */
export const laterBackupField: INodeProperties = {
	displayName: 'Later Backup',
	name: 'laterBackup',
	type: 'resourceLocator',
	required: true,
	default: { mode: 'list', value: '' },
	displayOptions: shownFor(['compareWorkflows'], { compareWith: ['backup'] }),
	modes: backupModes(EXAMPLES),
};
