import { expect, it } from 'vitest';
import { Editor } from './editor';

const editor = await Editor.open();
const canvas = await editor.openCanvas();

const OURS = [
	'Backup Report',
	'Files Archive',
	'MinIO Mirror',
	'Postgres Dump',
	'Prune Retention',
	'Qdrant Snapshot',
	'Verify Archive',
	'n8n Export',
];

/** Those that read or write archives in a bucket. */
const KEEPING = OURS.filter((name) => name !== 'Backup Report');

it.each<[string, string[]]>([
	['back up', ['Files Archive', 'MinIO Mirror', 'Postgres Dump', 'Qdrant Snapshot', 'n8n Export']],
	[
		'disaster recovery',
		['Files Archive', 'MinIO Mirror', 'Postgres Dump', 'Qdrant Snapshot', 'Verify Archive', 'n8n Export'],
	],
	['s3', KEEPING],
	['minio', KEEPING],
	['object storage', KEEPING],
	['pitr', ['Prune Retention']],
	['wal', ['Prune Retention']],
	['vector database', ['Qdrant Snapshot']],
	['retention', ['Prune Retention']],
	['gfs', ['Prune Retention']],
	['version control', ['n8n Export']],
	['drill', ['Verify Archive']],
	['bucket', ['MinIO Mirror']],
	['replicate', ['MinIO Mirror']],
	['folder', ['Files Archive']],
	['tar.gz', ['Files Archive']],
	['prometheus', ['Backup Report']],
	['status page', ['Backup Report']],
])('who looks for "%s" finds %j', async (word, nodes) => {
	await canvas.search(word);
	await expect.poll(async () => (await canvas.found()).filter((name) => OURS.includes(name)).sort()).toEqual(nodes);
	await editor.screenshot(`search-${word}`);
});
