import type { BackupKind, Manifest } from '../../engine';
import type { BackupContent } from '../shared/backupItem';

export const OWN_KINDS: BackupKind[] = ['postgres', 'postgres-globals'];

/** The folder in the storage, unless the Folder option names another. */
export const OWN_FOLDER = 'postgres';

/** What items say of backups of PostgreSQL alone. */
export function backupContent({ kind, name, counts, tables, partial }: Manifest): BackupContent {
	return {
		name: { database: kind === 'postgres' ? name : null },
		content: {
			content: partial?.content ?? 'all',
			partial: partial !== undefined,
			selection: partial?.selection ?? [],
			counts,
			tables: tables ?? [],
		},
	};
}
