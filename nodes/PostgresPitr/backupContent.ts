import type { BackupKind, Manifest } from '../../engine';
import type { BackupContent } from '../shared/backupItem';

const BASE = 'postgres-base';
export const BASE_KINDS: [BackupKind, ...BackupKind[]] = [BASE];

/** All kinds that this node makes. */
export const OWN_KINDS: [BackupKind, ...BackupKind[]] = [BASE, 'postgres-wal'];

/** The folder in the storage that holds all of them. */
export const OWN_FOLDER = 'postgres';

/** The folder of WAL in the storage, unless the Folder option names another. */
export const WAL_FOLDER = 'postgres/wal';

/** The folder of base backups in the storage, unless the Folder option names another. */
export const BASE_FOLDER = 'postgres/base';

/** What items say of base backups alone. A list must show backups whose source is odd as well: nothing is demanded of it. */
export function baseContent({ name, counts, source, needs = [] }: Manifest): BackupContent {
	const { files = null, bytes = null, pages = null, damagedPages = null, tablespaces = null, increment = 0 } = counts;
	const text = (member: string) => (typeof source[member] === 'string' ? source[member] : null);
	const timeline = typeof source['timeline'] === 'number' ? source['timeline'] : null;
	return {
		name: { name },
		content: {
			files,
			bytes,
			pages,
			damagedPages,
			tablespaces,
			timeline,
			startLsn: text('startLsn'),
			endLsn: text('endLsn'),
			systemIdentifier: text('systemIdentifier'),
			increment,
			previous: text('previous'),
			needs,
		},
	};
}
