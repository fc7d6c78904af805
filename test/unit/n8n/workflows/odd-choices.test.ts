import { expect, it } from 'vitest';

import { compareWorkflows, type ExportForm, exportWorkflows, type MatchBy, N8nApi } from '../../../../engine';
import { FolderStorage } from '../../../../engine/storage';

// Nothing listens there, and the storage does not exist. An expression, or a workflow that was written by hand, may give any text.
const api = new N8nApi({ baseUrl: 'http://127.0.0.1:9/api/v1', apiKey: 'key' }, 'source');
const storage = new FolderStorage({ root: '/nowhere' });

const neverRead = () => Promise.reject(new Error('It was read.'));

it('refuses a form of an export that there is not, before anything is read', async () => {
	const form = 'List' as ExportForm;
	await expect(exportWorkflows({ api, storage, codec: { name: 'none' }, form })).rejects.toMatchObject({
		code: 'INVALID_INPUT',
		message: expect.stringContaining('List'),
	});
});

it('refuses to match by what there is not, before anything is read', async () => {
	const side = { name: 'a file', warnings: new Set<string>(), each: neverRead, beside: neverRead };
	const matchBy = 'ID' as MatchBy;
	await expect(compareWorkflows({ before: side, after: side, matchBy, onWorkflow: () => {} })).rejects.toMatchObject({
		code: 'INVALID_INPUT',
		message: expect.stringContaining('ID'),
	});
});
