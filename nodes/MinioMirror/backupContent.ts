import type { BackupKind, Manifest } from '../../engine';
import type { BackupContent } from '../shared/backupItem';

export const OWN_KINDS: [BackupKind, ...BackupKind[]] = ['minio'];

/** The folder in the storage, unless the Folder option names another. */
export const OWN_FOLDER = 'minio';

/** What items say of backups of buckets alone. A list must show backups whose source is odd as well: nothing is demanded of it. */
export function backupContent({ name, counts, source, needs = [] }: Manifest): BackupContent {
	const { files = null, bytes = null, stored = null, reused = null, increment = 0 } = counts;
	const endpoint = typeof source['server'] === 'string' ? source['server'] : null;
	return { name: { bucket: name, endpoint }, content: { objects: files, bytes, stored, reused, increment, needs } };
}
