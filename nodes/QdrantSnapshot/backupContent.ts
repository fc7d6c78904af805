import { type BackupKind, byCollection, type Manifest } from '../../engine';
import type { WantedBackup } from '../shared/archiveSource';
import type { BackupContent } from '../shared/backupItem';

export const OWN_KINDS: [BackupKind, ...BackupKind[]] = ['qdrant', 'qdrant-storage'];

/** The folder in the storage, unless the Folder option names another. */
export const OWN_FOLDER = 'qdrant';

/** What a restore may be asked for, by the name of a collection or by an alias. */
export function wantedCollection(folder: string): WantedBackup {
	return { kinds: OWN_KINDS, folder, hint: 'Choose a backup of a Qdrant collection.', byName: byCollection };
}

/** What items say of backups of Qdrant alone. A list must show backups whose source is odd as well: nothing is demanded of it. */
export function backupContent({ kind, name, counts, source }: Manifest): BackupContent {
	const aliases = Array.isArray(source['aliases']) ? (source['aliases'] as unknown[]) : [];
	if (kind === 'qdrant-storage') {
		const collections = Array.isArray(source['collections']) ? (source['collections'] as string[]) : [];
		return { name: { collection: null }, content: { collections, aliases: aliases.map(aliasName) } };
	}
	const { points = null, shards = null } = counts;
	return { name: { collection: name }, content: { points, shards, aliases: aliases.map(aliasName) } };
}

/** The aliases of a collection are names; those of a whole storage are names and collections. */
function aliasName(alias: unknown): string {
	return typeof alias === 'string' ? alias : ((alias as { alias?: string } | null)?.alias ?? '');
}
