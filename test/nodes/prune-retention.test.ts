import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findBackup, manifestKeyOf, withLock } from '../../engine';
import { inProcessN8n } from './harness';
import { backup, type Json } from './node-runner';
import { backupsIn, NODE_TYPE, pruneNode, writeBackup, writeDaily } from './retention-support';

const n8n = await inProcessN8n();

/** Rules of one's own, and any share may go. */
const rules = (own: Record<string, unknown>, options: Record<string, unknown> = {}) => ({
	policy: 'custom',
	rules: own,
	options: { maxShare: 100, ...options },
});

/** Every file of a folder with what it holds, but for the lock and the catalogue. */
function contentOf(folder: string): Record<string, string> {
	const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
	const paths = entries.map((entry) => join(entry.parentPath, entry.name)).sort();
	const own = paths.filter((path) => !path.includes('.stack-backup') && !path.endsWith('/backup.log'));
	return Object.fromEntries(own.map((path) => [path, readFileSync(path, 'utf8')]));
}

it('shows by a dry run what a prune then does, and changes nothing before', async () => {
	const { folder, node, storage } = await pruneNode(n8n);
	const keys = await writeDaily(storage, 12);
	const before = contentOf(folder);
	const [plannedRows, [planned]] = (await node.outputs('dryRun', { policy: '7-days' })) as [Json[], Json[]];
	expect(contentOf(folder)).toEqual(before);
	expect(readdirSync(folder)).toEqual(['postgres']);
	expect(planned).toMatchObject({ dryRun: true, refusal: null, folders: ['/'], timeZone: 'UTC', failed: [] });
	expect(planned!['totals']).toMatchObject({ deleted: 5 });
	expect(planned!['weeklyCopies']).toHaveLength(1);
	const gone = (rows: Json[], outcome: string) =>
		rows.filter((row) => row['outcome'] === outcome).map(({ key }) => key as string);
	expect(gone(plannedRows, 'wouldBeDeleted')).toEqual(keys.slice(7));

	const [rows, [done]] = (await node.outputs('prune', { policy: '7-days' })) as [Json[], Json[]];
	expect(done).toMatchObject({ dryRun: false, refusal: null, totals: planned!['totals'] });
	expect(gone(rows, 'deleted')).toEqual(keys.slice(7));
	const left = await backupsIn(storage);
	expect(left.own).toEqual(keys.slice(0, 7));
	expect(left.weekly).toEqual(done!['weeklyCopies'].map(({ to }: { to: string }) => to));
	expect(done!['subject']).toMatch(/^Retention: 5 deleted, 8 kept/);
	for (const key of keys) {
		expect(done!['text']).toContain(key);
		expect(done!['html']).toContain(key);
	}
});

it('puts out one item for each backup, kept ones with all reasons', async () => {
	const { node, storage } = await pruneNode(n8n);
	const keys = await writeDaily(storage, 3);
	const items = await node.ok('dryRun', rules({ last: 2, daily: 1 }));
	expect(items).toMatchObject([
		{ key: keys[0], name: 'shop', verdict: 'keep', outcome: 'kept', dryRun: true },
		{ key: keys[1], verdict: 'keep', outcome: 'kept' },
		{ key: keys[2], verdict: 'delete', outcome: 'wouldBeDeleted', reasons: 'no rule keeps it', refusal: null },
	]);
	expect(items[0]).toMatchObject({ reasons: 'last, daily, last good', explanations: { length: 3 } });
});

it('fails loudly where more than the share would go, and deletes nothing', async () => {
	const { folder, node, storage } = await pruneNode(n8n);
	await writeDaily(storage, 4);
	const before = contentOf(folder);
	const policy = { policy: 'custom', rules: { last: 1 } };
	expect(await node.fails('prune', policy)).toMatch(/Nothing was deleted: 3 of 4 backups would be deleted.*dry run/s);
	const dry = await node.run('dryRun', policy);
	expect(dry).toMatchObject({ status: 'success', hints: [expect.stringContaining('3 of 4')] });
	expect(dry.outputs[1]![0]!.json).toMatchObject({ refusal: { reason: 'share' }, totals: { deleted: 0 } });
	const putOut = await node.run('prune', { ...policy, options: { onRefusal: 'putOut' } });
	expect(putOut.status).toBe('success');
	expect(putOut.items[0]!.json).toMatchObject({ outcome: 'kept' });
	expect(putOut.items[1]!.json).toMatchObject({ outcome: 'refused', refusal: expect.stringContaining('3 of 4') });
	expect(putOut.outputs[1]![0]!.json).toMatchObject({
		dryRun: false,
		refusal: { reason: 'share' },
		problem: expect.stringContaining('3 of 4'),
	});
	expect(putOut.hints).toEqual([expect.stringContaining('Nothing was deleted')]);
	expect(contentOf(folder)).toEqual(before);
	await node.ok('prune', { ...policy, options: { maxShare: 75 } });
	expect((await backupsIn(storage)).own).toHaveLength(1);
});

it('gives the refusal, with the table, to Summary where the run is to go on', async () => {
	const { node, storage } = await pruneNode(n8n);
	await writeDaily(storage, 4);
	const run = await node.run('prune', { policy: 'custom', rules: { last: 1 } }, { onError: 'continueRegularOutput' });
	expect(run.outputs[1]![0]!.json).toMatchObject({
		error: expect.stringContaining('3 of 4'),
		details: { refusal: 'share', hint: expect.any(String), subject: expect.any(String), html: expect.any(String) },
	});
});

it('deletes nothing where a backup is from the future', async () => {
	const { node, storage } = await pruneNode(n8n);
	const keys = await writeDaily(storage, 3);
	await writeBackup(storage, -1);
	expect(await node.fails('prune', rules({ last: 1 }))).toMatch(/from the future.*clock/s);
	expect((await backupsIn(storage)).own).toEqual(expect.arrayContaining(keys));
	await node.ok('prune', rules({ last: 1 }, { futureTolerance: 3 * 24 * 60 }));
});

it('has separate policies by kind, name and tag', async () => {
	const { node, storage } = await pruneNode(n8n);
	const shop = await writeDaily(storage, 3);
	const docs = await writeDaily(storage, 3, { kind: 'qdrant', name: 'docs' });
	const logs = await writeDaily(storage, 3, { name: 'logs' });
	const tagged = await writeBackup(storage, 9, { tags: ['before-upgrade'] });
	await node.ok('prune', {
		...rules({ last: 2 }),
		separatePolicies: {
			policies: [
				{ tag: 'before-upgrade', keep: '30-days' },
				{ kind: 'qdrant', keep: 'custom', rules: { unlimited: ['last'] } },
				{ kind: 'any', name: 'logs', keep: 'custom', rules: { last: 1 } },
			],
		},
	});
	const { own } = await backupsIn(storage);
	expect(own.sort()).toEqual([...shop.slice(0, 2), ...docs, logs[0]!, tagged].sort());
});

it('keeps to its folders, and says where one holds nothing', async () => {
	const { node, storage } = await pruneNode(n8n);
	await writeDaily(storage, 3);
	const docs = await writeDaily(storage, 3, { kind: 'qdrant', name: 'docs' });
	const run = await node.run('prune', rules({ last: 1 }, { folders: ['postgres/', 'minio/'] }));
	expect(run.hints).toEqual(['There is no backup in the folder minio/.']);
	expect((await backupsIn(storage)).own.filter((key) => key.startsWith('qdrant/'))).toEqual(docs);
	for (const folders of [[], '={{ $json.body.nothing }}', '={{ [] }}', '={{ 5 }}', ['../other']]) {
		expect(await node.fails('prune', rules({ last: 1 }, { folders }))).toMatch(/Folders is|not allowed|cannot|key/);
	}
	expect((await backupsIn(storage)).own).toHaveLength(4);
});

it('brings foreign files under the policy only by their pattern', async () => {
	const { folder, node, storage } = await pruneNode(n8n);
	await writeDaily(storage, 2);
	const files = [
		'old_20200101.sql.gz',
		'old_20200102.sql.gz',
		'old_20200103.sql.gz',
		'mine_20200101.sql.gz',
		'notes.txt',
	];
	for (const file of files) {
		writeFileSync(join(folder, 'postgres', file), 'x'.repeat(100));
		// What was changed within a day may still be in the making.
		utimesSync(join(folder, 'postgres', file), new Date('2020-02-01'), new Date('2020-02-01'));
	}
	const left = () => readdirSync(join(folder, 'postgres')).filter((file) => files.includes(file));
	await node.ok('prune', rules({ last: 1 }));
	expect(left().sort()).toEqual([...files].sort());
	const foreignFiles = { patterns: [{ pattern: 'old_*.sql.gz', keep: 'custom', rules: { last: 2 } }] };
	const pruned = await node.ok('prune', { ...rules({ last: 1 }), foreignFiles });
	expect(pruned.map(({ kind }) => kind as string)).toContain('foreign');
	expect(left().sort()).toEqual(files.slice(1).sort());
});

it('says which names and patterns of the policy nothing fits', async () => {
	const { node, storage } = await pruneNode(n8n);
	await writeDaily(storage, 2);
	const run = await node.run('dryRun', {
		...rules({ last: 1 }),
		separatePolicies: { policies: [{ kind: 'any', name: 'Shop', keep: '30-days' }] },
		foreignFiles: { patterns: [{ pattern: 'old_*.sql.gz', keep: 'policy' }] },
	});
	expect(run.hints).toEqual([
		'There is no backup of Shop, which a separate policy names.',
		'No file fits the pattern old_*.sql.gz.',
	]);
});

it('takes the policy that a dry run put out', async () => {
	const { node, storage } = await pruneNode(n8n);
	const keys = await writeDaily(storage, 5);
	const { credentials } = node;
	const planned = { operation: 'dryRun', simplify: false, ...rules({ last: 3 }) };
	const before = { type: NODE_TYPE, credentials, parameters: planned, outputIndex: 1 };
	const parameters = { operation: 'prune', policy: 'json', policyJson: '={{ $json.policy }}' };
	const folders = '={{ $json.folders }}';
	const node2 = { type: NODE_TYPE, credentials, parameters: { ...parameters, options: { folders } } };
	const run = await (await n8n.workflow(node2, [before])).run();
	expect(run.status).toBe('success');
	expect((await backupsIn(storage)).own).toEqual(keys.slice(0, 3));
});

it('deletes nothing over a policy that is none, and names the field', async () => {
	const { folder, node, storage } = await pruneNode(n8n);
	await writeDaily(storage, 3);
	const before = contentOf(folder);
	const nothing = '={{ $json.body.nothing }}';
	for (const last of [nothing, '={{ "" }}', '={{ [1] }}', -1]) {
		expect(await node.fails('prune', rules({ last }))).toMatch(/^Keep Last of Policy is/);
	}
	for (const maxShare of [nothing, 101]) {
		expect(await node.fails('prune', { policy: '7-days', options: { maxShare } })).toMatch(/^Max Share to Delete/);
	}
	for (const policyJson of [nothing, '{', '={{ [] }}', '{ "rules": { "hourly": 3 } }']) {
		expect(await node.fails('prune', { policy: 'json', policyJson })).toMatch(/not valid/);
	}
	const lost = { policies: [{ kind: 'any', name: nothing, keep: 'custom', rules: { last: 1 } }] };
	expect(await node.fails('prune', { policy: '7-days', separatePolicies: lost })).toMatch(/Separate policy 1/);
	expect(await node.fails('prune', { policy: '7-days', options: { timeZone: 'Mars' } })).toMatch(/not a time zone/);
	expect(contentOf(folder)).toEqual(before);
});

it('does not run by rules of which there is none: nothing would ever be deleted', async () => {
	const { node, storage } = await pruneNode(n8n);
	await writeDaily(storage, 3);
	for (const operation of ['dryRun', 'prune']) {
		const message = await node.fails(operation, { policy: 'custom' });
		expect(message).toMatch(
			/^Policy is Custom and has no rule: nothing would ever be deleted\. Add a rule, such as Keep/,
		);
	}
	expect(await node.fails('prune', rules({ weeklySnapshots: 12 }))).toMatch(/has Weekly Snapshots alone: no backup/);
	const policies = [{ kind: 'any', name: 'shop', keep: 'custom' }];
	expect(await node.fails('prune', { separatePolicies: { policies } })).toMatch(/^Separate policy 1 is Custom and has/);
	const patterns = [{ pattern: 'old_*', keep: 'custom', rules: {} }];
	expect(await node.fails('prune', { foreignFiles: { patterns } })).toMatch(/^Foreign files 1 is Custom and has no/);
	const policyJson = '{ "rules": { "weeklySnapshots": 12 } }';
	const run = await node.run('dryRun', { policy: 'json', policyJson });
	expect(run.hints).toEqual([expect.stringMatching(/^No rule in rules of the policy lets a backup go/)]);
});

it('pins a backup by whatever names it, so that no prune takes it', async () => {
	const { node, storage } = await pruneNode(n8n);
	const keys = await writeDaily(storage, 4);
	const { id } = (await findBackup(storage, { file: keys[3]! })).manifest;
	expect(await node.ok('pinBackup', backup('list', id))).toMatchObject([
		{ id, key: keys[3], kind: 'postgres', name: 'shop', pinned: true, changed: true, complete: true },
	]);
	expect(await node.ok('pinBackup', backup('file', keys[2]!))).toMatchObject([{ pinned: true }]);
	expect(await node.ok('pinBackup', backup('latest', 'shop'))).toMatchObject([{ key: keys[0], pinned: true }]);
	await node.ok('prune', rules({ last: 1 }));
	expect((await backupsIn(storage)).own).toEqual([keys[0], keys[2], keys[3]]);
	expect(await node.ok('unpinBackup', backup('id', id))).toMatchObject([{ pinned: false, changed: true }]);
	await node.ok('prune', rules({ last: 1 }));
	expect((await backupsIn(storage)).own).toEqual([keys[0], keys[2]]);
	expect(await node.fails('pinBackup', backup('id', id))).toMatch(/no backup with the id/);
	expect(await node.fails('pinBackup', backup('latest', ' '))).toMatch(/No backup is chosen/);
});

it('offers the backups of all kinds, and the folders that there are', async () => {
	const { node, storage } = await pruneNode(n8n);
	const key = await writeBackup(storage, 1);
	await writeBackup(storage, 0, { kind: 'qdrant', name: 'docs' });
	await node.ok('pinBackup', backup('file', key));
	await node.ok('prune', { policy: '7-days' });
	const request = { nodeType: NODE_TYPE, credentials: node.credentials };
	const { results } = await n8n.searchList({ ...request, methodName: 'searchBackups', path: 'parameters.backup' });
	expect(results.map(({ name }) => name)).toEqual([
		expect.stringMatching(/ UTC · docs · .* · Qdrant$/),
		expect.stringMatching(/ UTC · shop · .* · pinned · PostgreSQL$/),
	]);
	const folders = await n8n.loadOptions({ ...request, methodName: 'getFolders' });
	const counts = Object.fromEntries(folders.map(({ value, description }) => [value, description]));
	expect(counts).toMatchObject({ 'postgres/': '1 backup', 'weekly/': '2 backups', 'minio/': '0 backups' });
});

it('waits for no other run: the storage is locked, and the message tells by whom', async () => {
	const { node, storage } = await pruneNode(n8n);
	const [key] = await writeDaily(storage, 2);
	await withLock(storage, { owner: 'somebody else' }, async () => {
		expect(await node.fails('prune', { policy: '7-days' })).toMatch(/locked by somebody else/);
		expect(await node.fails('pinBackup', backup('file', key!))).toMatch(/locked by somebody else/);
		await node.ok('dryRun', { policy: '7-days' });
	});
});

it('goes on after a backup that cannot be deleted, and fails where none can', async () => {
	const { folder, node, storage } = await pruneNode(n8n);
	const shop = await writeDaily(storage, 2);
	const docs = await writeDaily(storage, 2, { kind: 'qdrant', name: 'docs' });
	await node.ok('prune', rules({ unlimited: ['last'] }));
	// Another backup takes the place of the one that the catalogue knows, unnoticed until it is to be deleted.
	const manifest = join(folder, manifestKeyOf(docs[1]!));
	const { atime, mtime } = statSync(manifest);
	const other = readFileSync(manifest, 'utf8').replace(/"id": "[0-9a-f]{8}/, '"id": "00000000');
	writeFileSync(manifest, other);
	utimesSync(manifest, atime, mtime);
	const run = await node.run('prune', rules({ last: 1 }));
	expect(run.status).toBe('success');
	expect(run.outputs[1]![0]!.json).toMatchObject({ totals: { deleted: 1 }, failed: [{ key: docs[1] }] });
	const failed = run.items.filter(({ json }) => json['outcome'] === 'failed');
	expect(failed).toMatchObject([{ json: { key: docs[1], problem: expect.stringMatching(/could not be deleted/) } }]);
	expect(run.hints).toEqual([expect.stringContaining(`${docs[1]} could not be deleted`)]);
	expect((await backupsIn(storage)).own).not.toContain(shop[1]);
	expect(await node.fails('prune', rules({ last: 1 }))).toMatch(/^None of 1 backups could be deleted/);
	expect(readFileSync(manifest, 'utf8')).toBe(other);
});

it('leaves a manifest that cannot be read alone, and says so', async () => {
	const { folder, node, storage } = await pruneNode(n8n);
	const keys = await writeDaily(storage, 3);
	writeFileSync(join(folder, manifestKeyOf(keys[2]!)), '{');
	const run = await node.run('prune', rules({ last: 1 }));
	expect(run.outputs[1]![0]!.json).toMatchObject({ damaged: [{ manifestKey: manifestKeyOf(keys[2]!) }] });
	expect(run.hints).toEqual([expect.stringContaining(manifestKeyOf(keys[2]!))]);
	expect(readdirSync(join(folder, 'postgres'))).toEqual(
		expect.arrayContaining([keys[2]!, manifestKeyOf(keys[2]!)].map((key) => key.slice('postgres/'.length))),
	);
});
