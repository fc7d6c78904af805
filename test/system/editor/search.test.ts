import { expect, it } from 'vitest';
import { Editor } from './editor';

const editor = await Editor.open();
const canvas = await editor.openCanvas();

const OURS = ['Postgres Dump', 'Prune Retention', 'Qdrant Snapshot', 'Verify Archive'];

it.each<[string, string[]]>([
	['back up', ['Postgres Dump', 'Qdrant Snapshot']],
	['disaster recovery', ['Postgres Dump', 'Qdrant Snapshot', 'Verify Archive']],
	['s3', OURS],
	['minio', OURS],
	['object storage', OURS],
	['pitr', ['Prune Retention']],
	['wal', ['Prune Retention']],
	['vector database', ['Qdrant Snapshot']],
	['retention', ['Prune Retention']],
	['gfs', ['Prune Retention']],
	['drill', ['Verify Archive']],
])('who looks for "%s" finds %j', async (word, nodes) => {
	await canvas.search(word);
	await expect.poll(async () => (await canvas.found()).filter((name) => OURS.includes(name)).sort()).toEqual(nodes);
	await editor.screenshot(`search-${word}`);
});
