import { type BackupKind, isVersionName, type Manifest, pathOfVersion, type TreeEntry, versionIn } from '../../engine';
import { currentObjects } from '../shared/backupColumns';
import type { BackupContent } from '../shared/backupItem';

const OWN_KIND = 'minio';
export const OWN_KINDS: [BackupKind, ...BackupKind[]] = [OWN_KIND];

/** The folder in the storage, unless the Folder option names another. */
export const OWN_FOLDER = 'minio';

/** Whose backups drop-downs offer. */
export const OFFERED = { kind: OWN_KIND, ownFolder: OWN_FOLDER, isHidden: isVersionName } as const;

/** The objects of those: older versions come after the current ones. */
export const OFFERED_OBJECTS = { kind: OWN_KIND, ownFolder: OWN_FOLDER, offerOf: offerOfObject } as const;

/** What an object is called and chosen by; undefined for a delete marker, which holds nothing. */
function offerOfObject(entry: TreeEntry): { title: string; value: string } | undefined {
	const version = versionIn(entry);
	if (!version) return { title: entry.name, value: entry.name };
	if (version.isDeleteMarker) return undefined;
	return { title: `${version.key} · older version`, value: pathOfVersion(entry.name) };
}

/** Which backups operations read. */
export const WANTED = { kinds: OWN_KINDS, hint: 'Choose a backup that MinIO Mirror has made.' };

/** What items say of backups of buckets alone. A list must show backups whose source is odd as well: nothing is demanded of it. */
export function backupContent({ name, counts, source, needs = [] }: Manifest): BackupContent {
	const { versions, deleteMarkers = 0, bytes = null, stored = null, reused = null, increment = 0 } = counts;
	const objects = currentObjects(counts) ?? null;
	const older = versions === undefined ? {} : { versions, deleteMarkers };
	const endpoint = typeof source['server'] === 'string' ? source['server'] : null;
	return { name: { bucket: name, endpoint }, content: { objects, ...older, bytes, stored, reused, increment, needs } };
}
