import { BACKUP_KINDS, type BackupKind } from '../../../engine';

/** In plain words. */
export const KIND_NAMES: Record<BackupKind, string> = {
	postgres: 'PostgreSQL',
	'postgres-globals': 'PostgreSQL Roles and Globals',
	'postgres-base': 'PostgreSQL Base Backup',
	'postgres-wal': 'PostgreSQL WAL',
	qdrant: 'Qdrant',
	'qdrant-storage': 'Qdrant, Whole Storage',
	minio: 'MinIO and S3',
	files: 'Files',
	n8n: 'n8n',
	'n8n-instance': 'n8n, Whole Instance',
	'n8n-workflows': 'n8n Workflows',
};

/** The kinds of backups as a drop-down shows them. */
export const KIND_OPTIONS = BACKUP_KINDS.map((value) => ({ name: KIND_NAMES[value], value }));
