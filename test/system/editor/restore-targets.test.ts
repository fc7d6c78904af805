import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postgresData, NODE_TYPE as POSTGRES } from '../../nodes/postgres-support';
import { pointAlias, qdrantData, NODE_TYPE as QDRANT } from '../../nodes/qdrant-support';
import type { NodeCredentials } from '../../services/n8n-client';
import { type PostgresServer, startPostgres } from '../../services/postgres';
import { type QdrantServer, startQdrant } from '../../services/qdrant';
import { createPlain } from '../../services/qdrant-data';
import { Editor } from './editor';

const editor = await Editor.open();
const { n8n } = editor;
let databases: PostgresServer;
let vectors: QdrantServer;
let credentials: NodeCredentials;

beforeAll(async () => {
	[databases, vectors] = await Promise.all([startPostgres({ version: 18 }), startQdrant()]);
	for (const name of ['blog', 'shop']) await databases.createDatabase(name);
	for (const name of ['docs', 'images']) await createPlain(vectors, name, 20);
	await pointAlias(vectors, 'live', 'docs');
	const folder = { type: 'folder', folderPath: n8n.connection.filesFolder };
	credentials = {
		postgres: await n8n.createCredential('Databases', 'postgres', postgresData(databases, 'shop')),
		qdrantApi: await n8n.createCredential('Vectors', 'qdrantApi', qdrantData(vectors)),
		backupStorageApi: await n8n.createCredential('Targets', 'backupStorageApi', folder),
	};
});
afterAll(async () => {
	await Promise.all([databases?.stop(), vectors?.stop()]);
});

/** What one of our nodes shows of a restore. */
interface Restoring {
	type: string;
	operation: string;
	/** All but the target. */
	parameters: Record<string, unknown>;
	newTarget: { entry: string; field: string; name: string };
	/** What is listed for each of the other targets. */
	existing: { field: string; lists: Record<string, string[]> };
}

const listed = ['blog', 'postgres', 'shop'];
const toDatabase = {
	type: POSTGRES,
	newTarget: { entry: 'New Database', field: 'targetDatabase', name: 'shop_restored' },
	existing: {
		field: 'existingDatabase',
		lists: {
			'Existing Database, Safe Swap': listed,
			'Existing Database, Replace': listed,
			'Existing Database, Restore Into': listed,
		},
	},
};

const RESTORING: Restoring[] = [
	{ ...toDatabase, operation: 'restore', parameters: { backup: { __rl: true, mode: 'latest', value: 'shop' } } },
	{ ...toDatabase, operation: 'import', parameters: { dumpFile: { __rl: true, mode: 'path', value: 'shop.sql' } } },
	{
		type: QDRANT,
		operation: 'restore',
		parameters: { backup: { __rl: true, mode: 'latest', value: 'docs' } },
		newTarget: { entry: 'New Collection', field: 'targetCollection', name: 'docs_restored' },
		existing: {
			field: 'existingCollection',
			lists: {
				'Existing Collection, Safe Swap': ['live, alias of docs', 'docs', 'images'],
				'Existing Collection, Restore Over': ['docs', 'images'],
			},
		},
	},
];

describe.each(RESTORING)('$operation of $type', ({ type, operation, parameters, newTarget, existing }) => {
	it('opens a filled list for every existing target, and marks nothing that is filled in', async () => {
		const panel = await editor.openNode({ type, parameters: { operation, ...parameters }, credentials });
		for (const [target, list] of Object.entries(existing.lists)) {
			const chosen = list.at(-1)!;
			// n8n forgets what stood in a field that is not shown any more.
			expect(await panel.value(newTarget.field)).toBe('');
			await panel.fill(newTarget.field, newTarget.name);
			await expect.poll(() => panel.marked()).toEqual([]);

			await panel.choose('target', target);
			await expect.poll(() => panel.located(existing.field)).toBe('');
			expect(await panel.list(existing.field), target).toEqual(list);
			await panel.pick(existing.field, chosen);
			await panel.fill('confirmation', chosen);
			await expect.poll(() => panel.marked()).toEqual([]);
			await expect.poll(() => panel.located(existing.field)).toBe(chosen);
			await expect.poll(() => panel.notices()).toHaveLength(1);
			await editor.screenshot(`${type}-${operation}-${target}`);

			await panel.mode(existing.field, 'By Name');
			await panel.fillLocator(existing.field, 'not-there-yet');
			await expect.poll(() => panel.located(existing.field)).toBe('not-there-yet');
			await expect.poll(() => panel.marked()).toEqual([]);

			await panel.choose('target', newTarget.entry);
			await panel.field(newTarget.field).waitFor();
			await expect.poll(() => panel.notices()).toEqual([]);
		}
	});
});

it.each([
	{
		type: POSTGRES,
		field: 'existingDatabase',
		nowhere: { name: 'postgres', data: () => ({ ...postgresData(databases, 'shop'), port: 1 }) },
		hint: 'Check host, port and SSL in the Postgres credential',
	},
	{
		type: QDRANT,
		field: 'existingCollection',
		nowhere: { name: 'qdrantApi', data: () => ({ qdrantUrl: 'http://127.0.0.1:1', apiKey: '' }) },
		hint: 'Check that',
	},
])('a list of $type says what to do where the server does not answer', async ({ type, field, nowhere, hint }) => {
	const lost = await n8n.createCredential('Nowhere', nowhere.name, nowhere.data());
	const panel = await editor.openNode({
		type,
		parameters: { operation: 'restore', target: 'safeSwap' },
		credentials: { ...credentials, [nowhere.name]: lost },
	});
	await panel.field(field).getByTestId('rlc-input').click();
	const message = editor.page.getByTestId('rlc-error-container').filter({ visible: true });
	await message.waitFor();
	expect(await message.innerText()).toMatch(/Could not load list\s+.*ECONNREFUSED/s);
	expect(await message.innerText()).toContain(hint);
	await editor.screenshot(`${type}-nowhere`);
});

it('Restore Into says for each choice what goes and what stays', async () => {
	const panel = await editor.openNode({
		type: POSTGRES,
		parameters: { operation: 'restore', target: 'existing' },
		credentials,
	});
	for (const [choice, told] of [
		['Change Nothing', /^All that the database holds stays/],
		['Empty the Tables', /^All rows of the selected tables are deleted for good.*Definitions and other tables stay/],
		['Drop the Tables', /^The selected tables, views and sequences are dropped for good.*All else stays/],
	] as const) {
		await panel.choose('before', choice);
		await expect.poll(() => panel.notices()).toEqual([expect.stringMatching(told)]);
	}
	await editor.screenshot('restore-into-drop');
	await panel.choose('restoreKind', 'Roles and Globals');
	await expect
		.poll(() => panel.notices())
		.toEqual([expect.stringMatching(/attributes, passwords and memberships that the backup holds.*None is dropped/)]);
	await editor.screenshot('restore-roles');
});
