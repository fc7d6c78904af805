/** What the Backup field shows as examples. */
export const BACKUP_EXAMPLES = {
	latest: 'documents',
	latestHint: 'The name of the bucket: its newest backup',
	file: 'minio/documents_20260131_020000.tar.zst',
};
