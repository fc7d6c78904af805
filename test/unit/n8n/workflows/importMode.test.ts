import { expect, it } from 'vitest';

import { type ImportMode, importWorkflows, N8nApi } from '../../../../engine';
import { FolderStorage } from '../../../../engine/storage';

const neverRead = () => Promise.reject(new Error('It was read.'));

it('refuses a mode that there is not, before anything is read', async () => {
	// Nothing listens there, and the storage does not exist.
	const api = new N8nApi({ baseUrl: 'http://127.0.0.1:9/api/v1', apiKey: 'key' }, 'target');
	const safeguard = { storage: new FolderStorage({ root: '/nowhere' }), codec: { name: 'none' as const } };
	const side = { name: 'a file', warnings: new Set<string>(), each: neverRead, beside: neverRead };
	// An expression, or a workflow that was written by hand, may give any text.
	const mode = 'updateByID' as ImportMode;
	await expect(importWorkflows({ api, safeguard, side, mode })).rejects.toMatchObject({
		code: 'INVALID_INPUT',
		message: expect.stringContaining('updateByID'),
	});
});
