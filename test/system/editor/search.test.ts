import { expect, it } from 'vitest';
import { Editor } from './editor';

const editor = await Editor.open();
const canvas = await editor.openCanvas();

const OURS = [
	'Backup Copy',
	'Backup Report',
	'Files Archive',
	'MinIO Mirror',
	'Postgres Dump',
	'Postgres PITR',
	'Postgres WAL Trigger',
	'Prune Retention',
	'Qdrant Snapshot',
	'Verify Archive',
	'n8n Export',
];

/** Those that read or write archives in a bucket. */
const KEEPING = OURS.filter((name) => name !== 'Backup Report');

it.each<[string, string[]]>([
	['back up', ['Files Archive', 'MinIO Mirror', 'Postgres Dump', 'Postgres PITR', 'Qdrant Snapshot', 'n8n Export']],
	[
		'disaster recovery',
		[
			'Backup Copy',
			'Files Archive',
			'MinIO Mirror',
			'Postgres Dump',
			'Postgres PITR',
			'Postgres WAL Trigger',
			'Qdrant Snapshot',
			'Verify Archive',
			'n8n Export',
		],
	],
	['backup', OURS],
	['pg_dump', ['Postgres Dump']],
	['snapshot', ['Qdrant Snapshot']],
	['restore database', ['Postgres Dump']],
	['export workflows', ['n8n Export']],
	['copy off-site', ['Backup Copy']],
	['report', ['Backup Report']],
	['mirror', ['MinIO Mirror']],
	['s3', KEEPING],
	['minio', KEEPING],
	['object storage', KEEPING],
	['pitr', ['Postgres PITR', 'Postgres WAL Trigger', 'Prune Retention']],
	['wal', ['Postgres PITR', 'Postgres WAL Trigger', 'Prune Retention']],
	['point-in-time', ['Postgres PITR', 'Postgres WAL Trigger']],
	['base backup', ['Postgres Dump', 'Postgres PITR']],
	['wal archive', ['Postgres PITR', 'Postgres WAL Trigger']],
	['vector database', ['Qdrant Snapshot']],
	['retention', ['Prune Retention']],
	['gfs', ['Prune Retention']],
	['version control', ['n8n Export']],
	['drill', ['Verify Archive']],
	['bucket', ['MinIO Mirror']],
	['replicate', ['Backup Copy', 'MinIO Mirror']],
	['folder', ['Files Archive']],
	['tar.gz', ['Files Archive']],
	['prometheus', ['Backup Report']],
	['status page', ['Backup Report']],
])('who looks for "%s" finds %j', async (word, nodes) => {
	await canvas.search(word);
	await expect.poll(async () => (await canvas.found()).filter((name) => OURS.includes(name)).sort()).toEqual(nodes);
	await editor.screenshot(`search-${word}`);
});
