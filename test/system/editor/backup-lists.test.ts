import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { manifestKeyOf, recordVerification } from '../../../engine';
import { verifyBackup } from '../../../engine';
import { NODE_TYPE as PRUNE, pruneNode, writeBackup } from '../../nodes/retention-support';
import { NODE_TYPE as VERIFY } from '../../nodes/verify-support';
import { PACKAGE } from '../../nodes/workflow';
import { Editor } from './editor';

const editor = await Editor.open();

const LONG = 'the_database_of_the_web_shop_with_a_name_as_long_as_postgres_takes';

/** A storage with more backups than a page of a list holds, of which the newest ones are marked. */
async function manyBackups() {
	const { folder, node, storage } = await pruneNode(editor.n8n);
	for (let daysAgo = 60; daysAgo > 5; daysAgo--) await writeBackup(storage, daysAgo);
	await writeBackup(storage, 5, { kind: 'postgres-globals', name: 'globals' });
	await writeBackup(storage, 4, { kind: 'qdrant', name: 'docs', pinned: true });
	const good = await writeBackup(storage, 3);
	const bad = await writeBackup(storage, 2, { name: LONG });
	const unknown = await writeBackup(storage, 1);
	await recordVerification(storage, await verifyBackup({ storage, key: good, level: 'integrity' }));
	await recordVerification(storage, await verifyBackup({ storage, key: bad, level: 'content' }));
	writeFileSync(join(folder, manifestKeyOf(unknown)), '{');
	return { credentials: node.credentials, unknown };
}

it('lists the newest first, by date, with what verification found, and further ones as one scrolls', async () => {
	const { credentials, unknown } = await manyBackups();
	const panel = await editor.openNode({ type: VERIFY, credentials, parameters: { operation: 'verify' } });
	const entries = await panel.list('backup');
	expect(entries).toHaveLength(50);
	expect(entries.slice(0, 5)).toEqual([
		expect.stringMatching(new RegExp(`^[\\d-]+ [\\d:]+ UTC · damaged · ${unknown}$`)),
		expect.stringMatching(/ UTC · verification failed · the_database_.* B · PostgreSQL$/),
		expect.stringMatching(/ UTC · shop · \d+ B · verified · PostgreSQL$/),
		expect.stringMatching(/ UTC · docs · \d+ B · pinned · Qdrant$/),
		expect.stringMatching(/ UTC · globals · \d+ B · PostgreSQL Roles and Globals$/),
	]);
	await panel.field('backup').getByTestId('rlc-input').click();
	const items = editor.page.getByTestId('rlc-item').filter({ visible: true });
	await items.nth(49).waitFor();
	await editor.screenshot('verify-list');
	await items.nth(49).scrollIntoViewIfNeeded();
	await items.nth(59).waitFor();
	await items.nth(1).scrollIntoViewIfNeeded();
	await items.nth(1).click();
	expect(await panel.located('backup')).toMatch(/ · verification failed · the_database_/);
	await editor.screenshot('verify-list-chosen');
});

it.each([
	[PRUNE, { operation: 'pinBackup' }, / · verification failed · the_database_.* · PostgreSQL$/],
	[
		`${PACKAGE}.postgresDump`,
		{ operation: 'restore', options: { folder: '' } },
		/ · verification failed · the_database_.* B$/,
	],
	[`${PACKAGE}.qdrantSnapshot`, { operation: 'restore', options: { folder: '' } }, / UTC · docs · \d+ B · pinned$/],
])('lists them for %s', async (type, parameters, newest) => {
	const { credentials } = await manyBackups();
	const panel = await editor.openNode({ type, credentials, parameters });
	const [first] = await panel.list('backup');
	expect(first).toMatch(newest);
});
