/** What n8n brings so that its backups can be verified: see engine/verify/system.ts. */
import type { BackupSystem } from '../verify/system';
import { entitiesFile } from './entities';
import { instanceKind, type InstanceScratch } from './instance';
import { workflowsKind } from './workflows/verify';
import { workflowsFile } from './workflows/verify/files';
import { workflowsFolder } from './workflows/verify/folder';

export const n8nSystem: BackupSystem<InstanceScratch> = {
	name: 'n8n',
	title: 'n8n',
	kinds: [instanceKind, workflowsKind],
	files: [workflowsFile, entitiesFile],
	tars: [workflowsFolder],
	measures: { rows: 'number of rows', workflows: 'number of workflows', nodes: 'number of nodes' },
};
