import { type BackupKind, instanceSourceSchema, type Manifest } from '../../../engine';
import type { BackupContent } from '../../shared/backupItem';

const OWN_KIND = 'n8n-instance';
export const OWN_KINDS: [BackupKind, ...BackupKind[]] = [OWN_KIND];

/** The folder in the storage, unless the Folder option names another. */
export const OWN_FOLDER = 'n8n';

/** Whose backups drop-downs offer. */
export const OFFERED = { kind: OWN_KIND, ownFolder: OWN_FOLDER } as const;

/** Which backups operations read. */
export const WANTED = { kinds: OWN_KINDS, hint: 'Choose a backup that Back Up Instance has made.' };

/** What items say of backups of instances alone. A list must show backups whose source is odd as well. */
export function backupContent({ name, counts, source, needs = [] }: Manifest): BackupContent {
	const { tables = null, rows = null, packages = null } = counts;
	const { success, data } = instanceSourceSchema.safeParse(source);
	return {
		name: { name, url: success ? data.server : null },
		content: {
			tables,
			rows,
			packages,
			database: success ? data.database.type : null,
			lastMigration: success ? data.lastMigration : null,
			communityPackages: success ? data.packages : [],
			environmentVariables: success ? data.variables : [],
			binaryData: success ? data.binaryData : null,
			needs,
		},
	};
}
