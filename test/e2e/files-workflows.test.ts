import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { freshFilesFolder } from '../nodes/harness';
import { backup, NodeRunner } from '../nodes/node-runner';
import { PACKAGE } from '../nodes/workflow';
import { sharedN8n } from './harness';
import { publishNow, template, withCredentials } from './templates';

const n8n = await sharedN8n();
const NODE_TYPE = `${PACKAGE}.filesArchive`;

it('backs a folder up by the nightly template, the next night what is new, and restores what was lost', async () => {
	const { node } = await NodeRunner.withFolder(n8n, NODE_TYPE, {});
	const documents = join(freshFilesFolder(n8n), 'documents');
	mkdirSync(documents);
	writeFileSync(join(documents, 'a.txt'), 'One.');
	writeFileSync(join(documents, 'b.tmp'), 'Scratch.');
	const nightly = withCredentials(template('files-nightly-backup.json'), { [NODE_TYPE]: node.credentials });
	const nodes = nightly.nodes.map((one) =>
		one.type === NODE_TYPE ? { ...one, parameters: { ...(one.parameters as object), path: documents } } : one,
	);
	await publishNow(n8n, { ...nightly, nodes }, 'files-now');
	expect((await n8n.webhook('files-now', {})).body).toMatchObject({
		status: 'success',
		backups: [{ name: 'documents', files: 1, state: 'whole' }],
	});
	writeFileSync(join(documents, 'c.txt'), 'Three.');
	expect((await n8n.webhook('files-now', {})).body).toMatchObject({
		backups: [{ name: 'documents', files: 2, state: 'incremental' }],
	});
	rmSync(join(documents, 'a.txt'));
	const [report] = await node.ok('restore', { ...backup('latest', 'documents'), targetFolder: documents });
	expect(report).toMatchObject({ written: 1, same: 1 });
	expect(readFileSync(join(documents, 'a.txt'), 'utf8')).toBe('One.');
});
