import type { BackupKind, Manifest } from '../../engine';
import type { BackupContent } from '../shared/backupItem';

const OWN_KIND = 'files';
export const OWN_KINDS: [BackupKind, ...BackupKind[]] = [OWN_KIND];

/** The folder in the storage, unless the Folder option names another. */
export const OWN_FOLDER = 'files';

/** Whose backups drop-downs offer. */
export const OFFERED = { kind: OWN_KIND, ownFolder: OWN_FOLDER } as const;

/** Which backups operations read. */
export const WANTED = { kinds: OWN_KINDS, hint: 'Choose a backup that Files Archive has made.' };

/** What items say of backups of files alone. A list must show backups whose source is odd as well: nothing is demanded of it. */
export function backupContent({ name, counts, source, needs = [] }: Manifest): BackupContent {
	const { files = null, directories = null, symlinks = null, links = null, bytes = null } = counts;
	const { stored = null, reused = null, increment = 0 } = counts;
	const path = typeof source['server'] === 'string' ? source['server'] : null;
	return {
		name: { name, path },
		content: { files, directories, symlinks, links, bytes, stored, reused, increment, needs },
	};
}
