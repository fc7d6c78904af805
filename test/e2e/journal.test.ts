import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { backup, NodeRunner } from '../nodes/node-runner';
import { freshFilesFolder } from '../nodes/harness';
import { PACKAGE } from '../nodes/workflow';
import { sharedN8n } from './harness';

const n8n = await sharedN8n();

it('reports a restore that a webhook asked for and that was refused: who wanted it, by which execution', async () => {
	const { folder, node } = await NodeRunner.withFolder(n8n, `${PACKAGE}.filesArchive`, {});
	const root = join(freshFilesFolder(n8n), 'documents');
	mkdirSync(root);
	writeFileSync(join(root, 'readme.txt'), 'Read me.');
	await node.ok('backUp', { path: root });
	const restore = await node.workflow('restore', {
		...backup('latest', 'documents'),
		targetFolder: root,
		existing: 'overwrite',
		confirmation: '={{ $json.body.confirm }}',
		options: { requestedBy: '={{ $json.body.user }}' },
	});
	const run = await restore.run({ confirm: 'no', user: 'ana@example.com' });
	expect(run.status).toBe('error');
	const [started] = await n8n.executions(restore.id);
	const report = new NodeRunner(n8n, `${PACKAGE}.backupReport`, node.credentials);
	const [item] = await report.ok('createReport');
	expect(item!['report']).toMatchObject({
		audit: {
			counts: { backUp: { succeeded: 1 }, restore: { refused: 1 } },
			events: [
				{
					action: 'restore',
					outcome: 'refused',
					error_code: 'NOT_CONFIRMED',
					file: 'documents',
					to: `folder ${root}`,
					requested_by: 'ana@example.com',
					execution_id: started!.id,
					execution_mode: 'webhook',
					workflow_id: restore.id,
					workflow_name: expect.stringMatching(/^Test /),
					node_name: 'Node',
				},
			],
		},
	});
	expect(item!['text']).toContain('ana@example.com, workflow Test ');
	const lines = readFileSync(join(folder, 'backup.log'), 'utf8').trimEnd().split('\n');
	expect(lines).toEqual([
		expect.stringMatching(/ INFO backUp files\/documents succeeded .* file="files\/documents_/),
		expect.stringMatching(/ WARN restore files refused .* by="ana@example\.com"/),
	]);
});
