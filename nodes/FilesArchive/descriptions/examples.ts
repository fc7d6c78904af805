/** What the Backup field shows as examples. */
export const BACKUP_EXAMPLES = {
	latest: 'documents',
	latestHint: 'The name of the backup, by default that of the folder: its newest one',
	file: 'files/documents_20260131_020000.tar.zst',
};
