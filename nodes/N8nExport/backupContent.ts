import type { BackupKind, Manifest } from '../../engine';
import type { BackupContent } from '../shared/backupItem';

const WORKFLOWS = 'n8n-workflows';
export const WORKFLOW_KINDS: [BackupKind, ...BackupKind[]] = [WORKFLOWS];

/** The folder in the storage, unless the Folder option names another. */
export const OWN_FOLDER = 'n8n';

/** Whose backups drop-downs offer. */
export const OFFERED = { kind: WORKFLOWS, ownFolder: OWN_FOLDER } as const;

/** Which backups operations read. */
export const WANTED = { kinds: WORKFLOW_KINDS, hint: 'Choose a backup that Export has made.' };

/** What items say of an export of workflows. A list must show backups whose source is odd as well: nothing is demanded of it. */
export function workflowContent({ name, counts, source, options, partial }: Manifest): BackupContent {
	const { workflows = null, active = null, archived = null, nodes = null } = counts;
	const instance = typeof source['server'] === 'string' ? source['server'] : null;
	const form = typeof options['form'] === 'string' ? options['form'] : null;
	return {
		name: { name, instance },
		content: { workflows, active, archived, nodes, form, selection: partial?.selection ?? [] },
	};
}
