import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PostgresServer, startPostgres } from '../services/postgres';
import { type QdrantServer, startQdrant } from '../services/qdrant';
import { createPlain } from '../services/qdrant-data';
import { inProcessN8n } from './harness';
import { backup, type Json, NodeRunner } from './node-runner';
import { createShop, NODE_TYPE as DUMP, postgresData } from './postgres-support';
import { collections, NODE_TYPE as SNAPSHOT, qdrantData } from './qdrant-support';
import { copyBackup, filesUnder, flipBit, NODE_TYPE, scratchDatabases, verdicts, verdictsOf } from './verify-support';
import type { NodeUnderTest } from './workflow';

const n8n = await inProcessN8n();
let postgres: PostgresServer;
let qdrant: QdrantServer;
let scratch: QdrantServer;

beforeAll(async () => {
	[postgres, qdrant, scratch] = await Promise.all([startPostgres({ version: 18 }), startQdrant(), startQdrant()]);
	await createShop(postgres, 'shop');
	await createPlain(qdrant, 'docs', 300);
});

afterAll(async () => {
	await Promise.all([postgres?.stop(), qdrant?.stop(), scratch?.stop()]);
});

/** A fresh storage, with a node for each thing to do with it. */
async function freshStorage() {
	const { folder, node } = await NodeRunner.withFolder(n8n, NODE_TYPE, {});
	const server = await n8n.createCredential('server', 'postgres', postgresData(postgres, 'shop'));
	const vectors = await n8n.createCredential('vectors', 'qdrantApi', qdrantData(qdrant));
	const elsewhere = await n8n.createCredential('elsewhere', 'qdrantApi', qdrantData(scratch));
	const dump = new NodeRunner(n8n, DUMP, { ...node.credentials, postgres: server });
	const snapshot = new NodeRunner(n8n, SNAPSHOT, { ...node.credentials, qdrantApi: vectors });
	return { folder, node, dump, snapshot, scratch: { postgres: server, qdrantApi: elsewhere } };
}

const one = (made: Json) => backup('id', made['id'] as string);

it('passes a good backup at its content by default, records it, and shows that in List Backups', async () => {
	const { folder, node, dump } = await freshStorage();
	const [made] = await dump.ok('backUp');
	const { passed, failed, hints } = await verdicts(node, 'verify', one(made!));
	expect([failed, hints]).toEqual([[], []]);
	expect(passed).toEqual([
		expect.objectContaining({
			verdict: 'passed',
			problem: null,
			hint: null,
			requested: 'content',
			reached: 'content',
			id: made!.id,
			key: made!.key,
			kind: 'postgres',
			name: 'shop',
			findings: [],
			levels: [
				expect.objectContaining({ level: 'integrity', durationSeconds: expect.any(Number), findings: 0 }),
				expect.objectContaining({ level: 'content', counts: expect.objectContaining({ tables: 3, rows: 1502 }) }),
			],
			counts: expect.objectContaining({ tables: 3, rows: 1502 }),
			storedBytes: made!.storedBytes,
			rawBytes: made!.rawBytes,
			throughputMBps: expect.any(Number),
			startedAt: made!.startedAt,
			ageHours: expect.any(Number),
			recorded: true,
			remaining: 0,
		}),
	]);
	const [listed] = await dump.ok('listBackups');
	expect(listed!.verified).toBe('passed');
	expect(listed!.verification).toEqual({ at: passed[0]!.verifiedAt, level: 'content', verdict: 'passed' });
	const listedAgain = await verdicts(node, 'verify', { ...backup('latest', 'shop'), options: { record: false } });
	expect(listedAgain.passed).toMatchObject([{ recorded: false }]);
	const { passed: history } = await verdicts(node, 'listVerifications', backup('file', made!.key as string));
	expect(history).toMatchObject([
		{ verdict: 'passed', at: passed[0]!.verifiedAt, requested: 'content', id: made!.id, key: made!.key, findings: [] },
	]);
	expect(filesUnder(folder).filter((file) => file.endsWith('.verification.json'))).toHaveLength(1);
});

it('lists what nobody has verified as deep lately, and reads none of it; what has no manifest that can be read comes last', async () => {
	const { folder, node, dump } = await freshStorage();
	const [first, second] = [(await dump.ok('backUp'))[0]!, (await dump.ok('backUp'))[0]!];
	await verdicts(node, 'verify', one(first));
	const listed = async (parameters: Json) => {
		const { passed, failed } = await verdicts(node, 'listBackups', parameters);
		expect(failed).toEqual([]);
		return passed;
	};
	expect(await listed({})).toMatchObject([
		{
			name: 'shop',
			kind: 'postgres',
			verified: 'never',
			key: second.key,
			id: second.id,
			storedBytes: second.storedBytes,
		},
	]);
	const deeper = await listed({ level: 'restore' });
	expect(deeper.map(({ key, verified }) => [key, verified])).toEqual([
		[second.key, 'never'],
		[first.key, 'passed'],
	]);
	expect(await listed({ days: 0, level: 'integrity' })).toHaveLength(2);
	expect(await listed({ which: 'newest' })).toMatchObject([{ key: second.key }]);
	flipBit(join(folder, second.key as string));
	writeFileSync(join(folder, `${first.key as string}.manifest.json`), '{}');
	const all = await listed({ which: 'all' });
	expect(all).toMatchObject([
		{ key: second.key, verified: 'never' },
		{ state: expect.stringMatching(/^damaged manifest: /) },
	]);
	expect(await listed({ which: 'all', filters: { kinds: ['qdrant'] } })).toHaveLength(1);
});

it('puts a damaged backup out as failed with what to do, where it is told to go on', async () => {
	const { folder, node, dump } = await freshStorage();
	const [good] = await dump.ok('backUp');
	const [bad] = await dump.ok('backUp', { options: { folder: 'other' } });
	flipBit(join(folder, bad!.key as string));
	const { passed, failed, hints } = await verdicts(node, 'verify', { which: 'all' });
	expect(hints).toEqual(['1 of 2 has not passed: it is in Failed, the second output.']);
	expect(passed).toMatchObject([{ key: good!.key }]);
	expect(failed).toMatchObject([
		{
			verdict: 'failed',
			key: bad!.key,
			reached: null,
			problem: expect.any(String),
			hint: expect.any(String),
			findings: [{ severity: 'error', level: 'integrity', code: 'ARCHIVE_CORRUPT' }],
			recorded: true,
		},
	]);
	const { passed: none, failed: history, hints: where } = await verdicts(node, 'listVerifications', one(bad!));
	expect([none.length, history.length]).toEqual([0, 1]);
	expect(where).toEqual(['1 of 1 has not passed: it is in Failed, the second output.']);
	const listed = await dump.ok('listBackups', { options: { folder: 'other' } });
	expect(listed).toMatchObject([{ verified: 'failed' }]);
});

it('fails over a damaged backup unless something is connected to Failed, once everything is recorded', async () => {
	const { folder, node, dump } = await freshStorage();
	const keys: string[] = [];
	for (const of of ['one', 'two', 'three']) keys.push((await dump.ok('backUp', { options: { folder: of } }))[0]!.key);
	for (const key of keys.slice(0, 2)) flipBit(join(folder, key));
	const run = async (connected: NodeUnderTest['connected'], parameters: Json = {}) => {
		const all = { operation: 'verify', which: 'all', ...parameters };
		const under = { type: NODE_TYPE, credentials: node.credentials, parameters: all, ...(connected && { connected }) };
		return await (await n8n.workflow(under)).run();
	};
	const unseen = await run(['on']);
	expect(unseen.status).toBe('error');
	expect(unseen.error?.message).toMatch(/^2 of 3 have not passed\. (one|two)\/.*: failed\. /);
	for (const key of keys.slice(0, 2)) expect(unseen.error?.description).toContain(`${key}: failed. `);
	expect(unseen.error?.description).toMatch(
		/Everything was looked at, and the results of 3 backups are recorded in the storage\. To go on .* Failed, or set On Failure to Continue\.$/,
	);
	const states = (await dump.ok('listBackups', { options: { folder: '' } })).map(({ key, verified }) => [
		key,
		verified,
	]);
	expect(Object.fromEntries(states)).toMatchObject({
		[keys[0]!]: 'failed',
		[keys[1]!]: 'failed',
		[keys[2]!]: 'passed',
	});
	const seen = await run([undefined, 'on']);
	expect(seen.status).toBe('success');
	expect(verdictsOf(seen)).toMatchObject({ passed: [{}], failed: [{}, {}] });
	// A disabled node hands its items on, here to nobody.
	expect((await run([undefined, 'off'])).status).toBe('error');
	const told = await run([undefined, 'on'], { onFailure: 'fail' });
	expect(told.error?.description).toMatch(
		/ To go on .*, set On Failure to Continue; or to Fail Unless Failed Is Connected, and connect something .*\.$/,
	);
	expect((await run(undefined, { onFailure: 'putOut' })).status).toBe('success');
	const one = await run(undefined, { options: { folder: 'one', record: false } });
	expect(one.error?.message).toMatch(new RegExp(`^${keys[0]}: failed\\. `));
	expect(one.error?.description).toMatch(/^Everything was looked at\. To go on/);
	expect((await run(undefined, { options: { folder: 'three' } })).status).toBe('success');
});

it('tells of backups that are not there, and of manifests that are damaged, as failed', async () => {
	const { folder, node, dump } = await freshStorage();
	expect((await verdicts(node, 'verify', { which: 'all' })).failed).toMatchObject([
		{ verdict: 'failed', problem: expect.stringMatching(/There is no such backup/), hint: expect.any(String) },
	]);
	const [made] = await dump.ok('backUp');
	const manifest = join(folder, `${made!.key}.manifest.json`);
	writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('"shop"', '"shed"'));
	for (const parameters of [{ which: 'all' }, backup('file', made!.key as string), backup('latest', 'shop')]) {
		const { passed, failed } = await verdicts(node, 'verify', parameters);
		expect([passed.length, failed.length]).toEqual([0, 1]);
		expect(failed[0]!.problem).toMatch(/manifest/);
	}
	rmSync(manifest);
	expect((await verdicts(node, 'verify', backup('file', made!.key as string))).failed).toMatchObject([
		{ verdict: 'failed', problem: expect.stringMatching(/has no manifest, so it is not a backup/) },
	]);
	expect((await verdicts(node, 'verify', backup('latest', 'gone'))).failed).toMatchObject([{ verdict: 'failed' }]);
});

it('calls a backup with a wrong or missing passphrase incomplete, and passes it with the right one', async () => {
	const { node, dump } = await freshStorage();
	const key = async (passphrase: string) => ({
		backupEncryptionApi: await n8n.createCredential('key', 'backupEncryptionApi', { passphrase }),
	});
	const right = await key('the right passphrase');
	const [made] = await dump.with(right).ok('backUp', { encrypt: true });
	for (const [credentials, code] of [
		[{}, 'KEY_MISSING'],
		[await key('another one'), 'KEY_WRONG'],
	] as const) {
		const { passed, failed } = await verdicts(node.with(credentials), 'verify', one(made!));
		expect([passed, failed]).toMatchObject([
			[],
			[{ verdict: 'incomplete', findings: [{ severity: 'inconclusive', code }] }],
		]);
		expect(failed[0]!.hint).toEqual(expect.any(String));
	}
	expect((await verdicts(node.with(right), 'verify', one(made!))).passed).toHaveLength(1);
	// What is incomplete is still to be verified.
	const [listed] = await dump.ok('listBackups');
	expect(listed!.verified).toBe('passed');
});

const asserted = (...assertion: Json[]) => ({ assertions: { assertion } });
const USERS = { database: 'shop', sql: 'SELECT count(*) = 1000 FROM users' };

it('restores for a test in memory, and runs the assertions of each database', async () => {
	const { node, dump, snapshot } = await freshStorage();
	await dump.ok('backUp', { databaseMode: 'all', globals: true });
	await snapshot.ok('backUp', { collectionMode: 'storage' });
	const test = { which: 'all', level: 'restore' };
	const { passed, failed } = await verdicts(node, 'verify', { ...test, ...asserted(USERS) });
	expect(failed).toEqual([]);
	expect(passed.map(({ kind, name, reached }) => [kind, name, reached]).sort()).toEqual([
		['postgres', 'postgres', 'restore'],
		['postgres', 'shop', 'restore'],
		['postgres-globals', 'globals', 'restore'],
		['qdrant-storage', 'storage', 'content'],
	]);
	const shop = passed.find(({ name }) => name === 'shop')!;
	expect(shop.counts).toMatchObject({ tables: 3, rows: 1502, assertions: 1 });
	expect((shop.levels as Json[]).at(-1)).toMatchObject({ level: 'restore', restoreSeconds: expect.any(Number) });
	expect(passed.find(({ name }) => name === 'storage')).toMatchObject({
		requested: 'restore',
		findings: [
			{ severity: 'warning', message: expect.stringMatching(/^Backups of the kind qdrant-storage were not restored/) },
		],
	});

	const lacking = { database: '', sql: 'SELECT count(*) > 5000 FROM users' };
	const mistyped = { database: 'shpo', sql: 'SELECT true' };
	const limited = { ...test, ...asserted(lacking, mistyped), filters: { names: 'shop' } };
	const judged = await verdicts(node, 'verify', limited);
	expect(judged.failed).toMatchObject([{ name: 'shop', problem: expect.stringMatching(/^Assertion 1 .* is false/) }]);
	expect(judged.hints.join()).toMatch(/assertions for shpo were not run/);

	await postgres.query(
		'shop',
		`CREATE TABLE IF NOT EXISTS wide AS SELECT repeat(md5(n::text), 100) AS text FROM generate_series(1, 400) n`,
	);
	const [large] = await dump.ok('backUp');
	await postgres.query('shop', 'DROP TABLE wide');
	const { failed: tooLarge } = await verdicts(node, 'verify', { ...one(large!), level: 'restore', maxSize: 1 });
	expect(tooLarge).toMatchObject([
		{ verdict: 'incomplete', reached: 'content', hint: expect.stringMatching(/scratch database on a server/) },
	]);
});

it('restores for a test on servers, and leaves nothing there', async () => {
	const { node, dump, snapshot, scratch: servers } = await freshStorage();
	await dump.ok('backUp');
	await snapshot.ok('backUp');
	const test = { which: 'all', level: 'restore', postgresTarget: 'server', qdrantTarget: 'server', ...asserted(USERS) };
	const { passed, failed } = await verdicts(node.with(servers), 'verify', test);
	expect(failed).toEqual([]);
	expect(passed).toMatchObject([
		{ kind: 'qdrant', name: 'docs', reached: 'restore', counts: expect.objectContaining({ points: 300 }) },
		{ kind: 'postgres', name: 'shop', reached: 'restore', counts: expect.objectContaining({ assertions: 1 }) },
	]);
	const wrong = { ...test, ...asserted({ sql: 'SELECT false' }) };
	expect((await verdicts(node.with(servers), 'verify', wrong)).failed).toMatchObject([{ kind: 'postgres' }]);
	expect(await scratchDatabases(postgres)).toEqual([]);
	expect(await collections(scratch)).toEqual([]);

	const without = await verdicts(node, 'verify', { which: 'all', level: 'restore', filters: { kinds: ['qdrant'] } });
	expect(without.passed).toMatchObject([
		{ reached: 'content', findings: [{ message: expect.stringMatching(/Qdrant Into/) }] },
	]);
	const nowhere = { qdrantUrl: 'http://127.0.0.1:1', apiKey: '' };
	const lost = node.with({ qdrantApi: await n8n.createCredential('nowhere', 'qdrantApi', nowhere) });
	const { failed: unreachable } = await verdicts(lost, 'verify', {
		...backup('latest', 'docs'),
		level: 'restore',
		qdrantTarget: 'server',
	});
	expect(unreachable).toMatchObject([{ verdict: 'incomplete', findings: [{ code: 'TARGET_UNREACHABLE' }] }]);
});

it('verifies what Back Up puts out, item by item, as binary data too', async () => {
	const { node, dump, snapshot } = await freshStorage();
	const before = [{ type: SNAPSHOT, parameters: { operation: 'backUp' }, credentials: snapshot.credentials }];
	const run = await (await node.workflow('verify', { which: 'incoming' }, {}, before)).run();
	expect(verdictsOf(run).passed).toMatchObject([{ kind: 'qdrant', name: 'docs', recorded: true }]);
	const [item] = run.execution.data.resultData.runData['Node']!.at(-1)!.data!.main[0]!;
	expect(item!.pairedItem).toEqual({ item: 0 });

	const parameters = { operation: 'backUp', destination: 'binaryData', databaseMode: 'all', globals: false };
	const asBinary = [{ type: DUMP, parameters, credentials: dump.credentials }];
	const binary = node.with({ backupStorageApi: undefined });
	const verify = async (more: Json) =>
		verdictsOf(
			await (
				await binary.workflow('verify', { which: 'binaryData', onFailure: 'putOut', ...more }, {}, asBinary)
			).run(),
		);
	expect((await verify({ level: 'restore' })).passed).toMatchObject([
		{ name: 'postgres', reached: 'restore', recorded: false },
		{ name: 'shop', reached: 'restore', recorded: false },
	]);
	expect((await verify({ manifest: '' })).passed.map(({ format, findings }) => [format, findings])).toEqual([
		['plain SQL dump in zstd', []],
		['plain SQL dump in zstd', []],
	]);
	expect((await verify({ manifest: '={{ { ...JSON.parse($json.manifest), kind: "shoes" } }}' })).failed).toMatchObject([
		{ verdict: 'failed', code: 'MANIFEST_INVALID' },
		{ verdict: 'failed', code: 'MANIFEST_INVALID' },
	]);
});

it('checks files that others made as far as they can be', async () => {
	const { folder, node, dump } = await freshStorage();
	const [made] = await dump.ok('backUp', { compression: 'gzip' });
	mkdirSync(join(folder, 'uploads'));
	copyFileSync(join(folder, made!.key as string), join(folder, 'uploads/shop.sql.gz'));
	const file = { which: 'file', file: { __rl: true, mode: 'path', value: 'uploads/shop.sql.gz' } };
	expect((await verdicts(node, 'verify', { ...file, level: 'restore' })).passed).toMatchObject([
		{ verdict: 'passed', key: 'uploads/shop.sql.gz', kind: null, format: 'plain SQL dump in gzip', recorded: false },
	]);
	flipBit(join(folder, 'uploads/shop.sql.gz'));
	expect((await verdicts(node, 'verify', file)).failed).toMatchObject([
		{ verdict: 'failed', findings: [{ severity: 'error' }] },
	]);
});

it('takes only what is due, within the limits of a run, and tells how many remain', async () => {
	const { folder, node: own, dump, snapshot, scratch: servers } = await freshStorage();
	const node = own.with({ postgres: servers.postgres });
	await dump.ok('backUp', { databaseMode: 'all', globals: true });
	await snapshot.ok('backUp');
	const places = { postgresTarget: 'server' };
	const due = async (parameters: Json = {}) =>
		await verdicts(node, 'verify', { which: 'due', days: 7, ...places, ...parameters });
	const first = await due({ options: { maxBackups: 3 } });
	expect(first.passed.map(({ remaining }) => remaining as number)).toEqual([1, 1, 1]);
	expect(first.hints).toEqual(['1 backup was not verified in this run.']);
	const second = await due();
	expect(second.passed.map(({ remaining }) => remaining as number)).toEqual([0]);
	expect((await due()).passed).toEqual([]);
	const deeper = await due({ level: 'restore' });
	// Without a server collections cannot be restored: their content is what counts.
	expect(deeper.passed.map(({ name }) => name as string).sort()).toEqual(['globals', 'postgres', 'shop']);
	expect((await due({ level: 'restore' })).passed).toEqual([]);
	expect((await due({ days: 0, filters: { kinds: ['qdrant'], names: 'docs, shop' } })).passed).toMatchObject([
		{ name: 'docs' },
	]);
	await dump.ok('backUp');
	const newest = await verdicts(node, 'verify', { which: 'newest', level: 'integrity' });
	expect(newest.passed.map(({ name, kind }) => `${kind} ${name}`).sort()).toEqual([
		'postgres postgres',
		'postgres shop',
		'postgres-globals globals',
		'qdrant docs',
	]);
	expect((await due()).passed).toMatchObject([{ name: 'shop', remaining: 0 }]);
	copyBackup(folder, deeper.passed[0]!.key as string, 'weekly/2026_W01');
	expect((await due()).passed).toMatchObject([{ key: expect.stringMatching(/^weekly\/2026_W01\//) }]);
});

it('drills: restores the newest of everything, measures, and names what is missing', async () => {
	const { folder, node, dump, snapshot, scratch: servers } = await freshStorage();
	await dump.ok('backUp', { databaseMode: 'all', globals: true });
	await snapshot.ok('backUp');
	const parameters = { postgresTarget: 'server', qdrantTarget: 'server', ...asserted(USERS) };
	const { passed, failed } = await verdicts(node.with(servers), 'drill', parameters);
	expect(failed).toEqual([]);
	expect(passed).toMatchObject([
		{
			verdict: 'passed',
			problem: null,
			subject: expect.stringMatching(/^Drill passed: 4 backups, back in [\d.]+ s, data [\d.]+ hours old$/),
			text: expect.stringMatching(/- shop \(postgres\): passed, restored in/),
			recoveryTimeSeconds: expect.any(Number),
			recoveryPointHours: expect.any(Number),
			gaps: [],
			recorded: 4,
		},
	]);
	expect((passed[0]!.backups as Json[]).map(({ name, reached }) => [name, reached])).toEqual([
		['postgres', 'restore'],
		['shop', 'restore'],
		['globals', 'restore'],
		['docs', 'restore'],
	]);
	expect(await collections(scratch)).toEqual([]);
	const shop = (passed[0]!.backups as Json[]).find(({ name }) => name === 'shop')!;
	flipBit(join(folder, shop.key as string));
	const broken = await verdicts(node.with(servers), 'drill', { ...parameters, kinds: ['postgres', 'minio'] });
	expect(broken.failed).toMatchObject([
		{
			verdict: 'failed',
			problem: expect.stringMatching(/^shop: /),
			recoveryTimeSeconds: null,
			gaps: [{ reason: 'none', kind: 'minio', message: 'There is no backup of the kind minio.' }],
		},
	]);
	const stopping = { kinds: ['minio'] };
	expect(await node.fails('drill', stopping)).toMatch(
		/^Drill failed: 0 backups, 1 gap\. There is no backup of the kind minio/,
	);
});

it('drills with its own defaults: restores what it can, verifies the rest, and says plainly what was left out', async () => {
	const { node, dump, snapshot } = await freshStorage();
	const [docs] = await snapshot.ok('backUp');
	// Nothing was restored: that is no drill.
	expect(await node.fails('drill')).toMatch(/^Drill incomplete: 0 of 1 backup, .*Nothing was restored.*Qdrant Into/s);
	await dump.ok('backUp');
	const run = await node.run('drill');
	expect(run.status).toBe('success');
	const { passed, failed, hints } = verdictsOf(run);
	expect(failed).toEqual([]);
	expect(passed).toMatchObject([
		{
			verdict: 'passedInPart',
			subject: expect.stringMatching(/^Drill passed in part: 1 of 2 backups, back in [\d.]+ s, /),
			problem: expect.stringMatching(/content was verified: docs \(qdrant\): no server is chosen in Qdrant Into\.$/),
			hint: expect.stringMatching(/Qdrant Into/),
			recoveryTimeSeconds: expect.any(Number),
			backups: [
				{ name: 'shop', reached: 'restore' },
				{ name: 'docs', verdict: 'passed', reached: 'content' },
			],
			recorded: 2,
		},
	]);
	expect(hints).toEqual([expect.stringMatching(/^Drill passed in part: .*Qdrant Into/)]);
	expect(await snapshot.ok('listBackups')).toMatchObject([{ id: docs!['id'], verification: { level: 'content' } }]);
});

it('is an incomplete drill where a database is larger than Max Size, and tells what was not asked of it', async () => {
	const { node, dump } = await freshStorage();
	await dump.ok('backUp', { databaseMode: 'all', globals: true });
	await postgres.query('shop', `CREATE TABLE wide AS SELECT repeat(md5(n::text), 100) FROM generate_series(1, 400) n`);
	await dump.ok('backUp', { databaseMode: 'all', globals: true });
	await postgres.query('shop', 'DROP TABLE wide');
	const parameters = { maxSize: 1, ...asserted({ database: 'shop', sql: 'SELECT false' }) };
	const { passed, failed } = await verdicts(node, 'drill', parameters);
	expect(passed).toEqual([]);
	expect(failed).toMatchObject([
		{
			verdict: 'incomplete',
			problem: expect.stringMatching(
				/: shop \(postgres\): it holds 2 MB, more than Max Size \(MB\), so this assertion was not run: "SELECT false"\.$/,
			),
			hint: expect.stringMatching(/Raise Max Size/),
			recorded: 3,
		},
	]);
	expect(await node.fails('drill', { maxSize: 1 })).toMatch(/^Drill incomplete: 2 of 3 backups, .*Max Size/);
});

it('finds backups that are unlike those before them', async () => {
	const { node, dump } = await freshStorage();
	await createShop(postgres, 'trend');
	const backUp = async () => await dump.ok('backUp', { databaseMode: 'chosen', databases: ['trend'] });
	await backUp();
	const usual = await verdicts(node, 'checkTrend');
	expect(usual.passed).toMatchObject([{ verdict: 'passed', name: 'trend', anomalies: [] }]);
	await backUp();
	await postgres.query('trend', 'TRUNCATE users, "Order Lines", audit.log');
	const [emptied] = await backUp();
	const lost = await verdicts(node, 'checkTrend', { options: { minSamples: 2 } });
	expect(lost.failed).toMatchObject([
		{
			verdict: 'unusual',
			id: emptied!.id,
			problem: expect.stringMatching(/holds no rows/),
			anomalies: expect.arrayContaining([expect.objectContaining({ measure: 'rows', value: 0, median: 1502 })]),
		},
	]);
	const only = { ...one(emptied!), which: 'one', options: { minSamples: 2, measures: ['duration'] } };
	expect((await verdicts(node, 'checkTrend', only)).passed).toMatchObject([{ id: emptied!.id }]);
	expect(await node.fails('checkTrend')).toMatch(/holds no rows.*Everything was looked at\. /s);
});

it('throws for options that are wrong and for a storage that cannot be used, once', async () => {
	const { node, dump } = await freshStorage();
	const [made] = await dump.ok('backUp');
	const nothing = '={{ $json.body.nothing }}';
	const wrong = async (parameters: Json) => await node.fails('verify', parameters);
	expect(await wrong(backup('id', nothing))).toMatch(/No backup is chosen/);
	expect(await wrong({ which: 'incoming' })).toMatch(/incoming item tells of no backup/);
	expect(await wrong({ which: 'due', days: -1 })).toMatch(/^Days is /);
	expect(await wrong({ ...one(made!), level: '={{ "deep" }}' })).toMatch(/^Level is "deep"/);
	expect(await wrong({ which: 'all', filters: { names: nothing } })).toMatch(/^Names is empty/);
	expect(await wrong({ which: 'all', filters: { kinds: '={{ ["shoes"] }}' } })).toMatch(/^Kinds is "shoes"/);
	expect(await wrong({ ...one(made!), level: 'restore', maxSize: 0 })).toMatch(/^Max Size/);
	expect(await wrong({ ...one(made!), level: 'restore', ...asserted({ sql: ' ' }) })).toMatch(/^Assertion 1 is empty/);
	expect(await wrong({ ...one(made!), onFailure: '={{ "shout" }}' })).toMatch(/^On Failure is "shout"/);

	const s3 = {
		type: 's3',
		endpoint: 'http://127.0.0.1:1',
		bucket: 'backups',
		accessKeyId: 'a',
		secretAccessKey: 's',
		outageSeconds: 1,
	};
	const away = node.with({ backupStorageApi: await n8n.createCredential('away', 'backupStorageApi', s3) });
	for (const parameters of [
		{ which: 'all' },
		backup('latest', 'shop'),
		{ which: 'file', file: { __rl: true, mode: 'path', value: 'a' } },
	]) {
		expect(await away.fails('verify', parameters)).toMatch(/127\.0\.0\.1:1|could not be reached/i);
	}
	const continued = await verdicts(away, 'verify', { which: 'all' }, { onError: 'continueRegularOutput' });
	expect(continued).toMatchObject({ passed: [], failed: [{ error: expect.any(String) }] });
	const third = await verdicts(away, 'verify', { which: 'all' }, { onError: 'continueErrorOutput' });
	expect(third).toMatchObject({ passed: [], failed: [], errors: [{ error: expect.any(String) }] });
});

it('fills its drop-downs with backups of all kinds, and files without what belongs to them', async () => {
	const { folder, node, dump, snapshot } = await freshStorage();
	const [database] = await dump.ok('backUp');
	const [collection] = await snapshot.ok('backUp');
	await verdicts(node, 'verify', one(database!));
	// As retention leaves them.
	mkdirSync(join(folder, 'weekly', '2026_W05'), { recursive: true });
	for (const suffix of ['', '.manifest.json'])
		copyFileSync(
			join(folder, `${String(database!['key'])}${suffix}`),
			join(folder, 'weekly', '2026_W05', `${String(database!['file'])}${suffix}`),
		);
	mkdirSync(join(folder, '.stack-backup'), { recursive: true });
	writeFileSync(join(folder, '.stack-backup', 'catalog.json'), '{}');
	// As a backup that is being written has it, and verifications that were set aside.
	for (const suffix of ['.writing.json', '.verification.json.damaged'])
		writeFileSync(join(folder, `${String(database!['key'])}${suffix}`), '{}');
	const request = { nodeType: NODE_TYPE, credentials: node.credentials, parameters: { operation: 'verify' } };
	const { results } = await n8n.searchList({ ...request, methodName: 'searchBackups', path: 'parameters.backup' });
	expect(results).toMatchObject([
		{ value: collection!.id, name: expect.stringMatching(/^[\d-]+ [\d:]+ UTC · docs · .* · Qdrant$/) },
		{ value: database!.id, name: expect.stringMatching(/ UTC · shop · .* · verified · PostgreSQL$/) },
	]);
	const files = await n8n.searchList({ ...request, methodName: 'searchFiles', path: 'parameters.file' });
	expect(files.results.map(({ value }) => value).filter((value) => /\.json(\.|$)|\.log/.test(String(value)))).toEqual(
		[],
	);
});
