/** What is told of earlier backups that a backup does not go on from, though it was to. */
import { isFileOf, keyIn, usualFolder, type BackupKind, type DamagedManifest } from '../archive';
import type { BackupError } from '../errors';

/** Codes of a manifest that was made with another passphrase, or is damaged. One without encryption may be so by choice. */
const UNREAD: ReadonlySet<string> = new Set(['KEY_WRONG', 'MANIFEST_INVALID']);

/** What is wrong with the manifest of a backup of this name that came after `since`, the end of what is gone on from; undefined where there is none such. */
export function unreadWarning(
	damaged: readonly DamagedManifest[],
	since: number,
	{ kind, name, folder = usualFolder(kind) }: { kind: BackupKind; name: string; folder?: string | undefined },
): string | undefined {
	const beginning = keyIn(folder, '');
	const one = damaged.find(({ manifestKey, modifiedAt, error }) => {
		const isOwn = manifestKey.startsWith(beginning) && isFileOf(name, manifestKey.slice(beginning.length));
		return isOwn && modifiedAt.getTime() > since && UNREAD.has(error.code);
	});
	// What is wrong with a manifest names it.
	return one && `An earlier backup cannot be gone on from: ${one.error.message}`;
}

/** Why an earlier backup is not gone on from, as a sentence. */
export function refusalOf(key: string, error: BackupError): string {
	return `${key} cannot be gone on from: ${error.message}`;
}
