import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { findProblems, FolderStorage, parseLsn, readServerLog, readState } from '../../engine';
import { type PostgresServer, startPostgres } from '../services/postgres';
import { inProcessN8n } from './harness';
import { type Json, NodeRunner } from './node-runner';
import { postgresData } from './postgres-support';
import { PACKAGE } from './workflow';

const n8n = await inProcessN8n();
let server: PostgresServer;
let pitr: NodeRunner;
let report: NodeRunner;
let folder: string;

beforeAll(async () => {
	const config = { synchronous_commit: 'on', cluster_name: 'main', max_wal_size: '32MB', min_wal_size: '32MB' };
	server = await startPostgres({ version: 18, config });
	const postgres = await n8n.createCredential('server', 'postgres', postgresData(server, 'postgres'));
	({ folder, node: pitr } = await NodeRunner.withFolder(n8n, `${PACKAGE}.postgresPitr`, { postgres }));
	report = new NodeRunner(n8n, `${PACKAGE}.backupReport`, pitr.credentials);
	await server.query('postgres', 'CREATE TABLE rows (id int)');
});
afterAll(() => server?.stop());

const options = { unverifiedDays: 0, lowStorage: 0 };
const told = async (more: object = {}) => {
	const [item] = await report.ok('createReport', { options, ...more });
	return {
		document: item!['report'] as Json,
		kinds: (item!['problems'] as Json[]).map(({ kind }) => kind as string),
		problems: item!['problems'] as Json[],
		text: item!['text'] as string,
	};
};
/** What changed since the last check, by the kinds of problems. */
const alerts = async () => {
	const [fine, alert] = await report.outputs('checkAlerts', { alertName: 'windows', options });
	const [item] = [...fine!, ...alert!];
	const of = (name: string) => (item![name] as Json[]).map(({ id }) => (id as string).split(':')[0]);
	return { isTold: alert!.length > 0, fresh: of('newProblems'), over: of('clearedProblems') };
};
const note = () => join(folder, '.stack-backup', 'wal', readdirSync(join(folder, '.stack-backup', 'wal'))[0]!);
/** What is wrong with the same storage so many hours later. */
const later = async (hours: number) => {
	const now = new Date(Date.now() + hours * 3_600_000);
	const state = await readState(new FolderStorage({ root: folder }), { now });
	return findProblems(state, { unverifiedDays: 0, lowShare: 0 });
};

it('tells from when to when a server can be recovered, and that an idle one is not behind', async () => {
	await pitr.ok('archiveWal');
	await pitr.ok('baseBackup', { compression: 'none' });
	await server.query('postgres', 'INSERT INTO rows VALUES (1)');
	await pitr.ok('archiveWal');
	const first = await told();
	expect(first.kinds).toEqual([]);
	expect(first.document['recovery_windows']).toMatchObject([
		{ name: 'main', status: 'recoverable', base_backups: 1, gaps: [] },
	]);
	expect(first.document['recovery_window']).toMatchObject({ target_minutes: 60, met: true });
	expect(first.text).toMatch(/main: any moment from .* 1 base backup, the newest/);
	expect(await alerts()).toEqual({ isTold: false, fresh: [], over: [] });
	const before = JSON.parse(readFileSync(note(), 'utf8')) as Json;
	const [again] = await pitr.ok('archiveWal');
	const after = JSON.parse(readFileSync(note(), 'utf8')) as Json;
	expect(Date.parse(after['at'] as string)).toBeGreaterThan(Date.parse(before['at'] as string));
	// That the window reaches up to now, whether anything was written or not, is told in the same way everywhere.
	const [window] = await pitr.ok('listWindows');
	expect(Date.parse(window!['until'] as string)).toBeGreaterThanOrEqual(Date.parse(after['at'] as string));
	expect(Date.parse(again!['recoverableUntil'] as string)).toBeGreaterThanOrEqual(Date.parse(after['at'] as string));
});

it('alerts on a gap, and gives the all-clear when a base backup has healed it', async () => {
	await server.query('postgres', `SELECT pg_drop_replication_slot('n8n_pitr')`);
	for (let index = 0; index < 4; index++) {
		await server.query('postgres', 'INSERT INTO rows VALUES (2); SELECT pg_switch_wal()');
		await server.query('postgres', 'CHECKPOINT');
	}
	expect(await pitr.ok('archiveWal', { ifLost: 'goOn' })).toMatchObject([{ needsBaseBackup: true }]);
	expect(await alerts()).toEqual({ isTold: true, fresh: ['recoveryGap'], over: [] });
	expect(await alerts()).toEqual({ isTold: false, fresh: [], over: [] });
	const { document } = await told();
	expect(document['recovery_windows']).toMatchObject([{ status: 'gap', gaps: [{ state: 'open' }] }]);
	const [page] = await report.ok('getStatusPage', { options });
	expect(page!['html']).toContain('<span class="badge">missing</span> WAL from');
	const [metrics] = await report.ok('getMetrics', { options });
	expect(metrics!['metrics']).toContain('stack_backup_recovery_gaps{name="main"} 1');
	expect(metrics!['metrics']).toMatch(/problem="recovery_gap",severity="critical",kind="postgres-wal",name="main"/);
	await pitr.ok('baseBackup', { compression: 'none' });
	// A base backup whose WAL is not archived yet heals nothing.
	expect(await alerts()).toMatchObject({ isTold: false });
	await pitr.ok('archiveWal');
	expect(await alerts()).toEqual({ isTold: true, fresh: [], over: ['recoveryGap'] });
	expect((await told()).document['recovery_windows']).toMatchObject([
		{ status: 'recoverable', gaps: [{ state: 'healed' }] },
	]);
	const [healed] = await report.ok('getMetrics', { options });
	expect(healed!['metrics']).toContain('stack_backup_recovery_healed_gaps{name="main"} 1');
});

it('tells of an archiving that stands still, and not where nobody can tell whether the server has written since', async () => {
	await pitr.ok('archiveWal');
	expect(await later(0.9)).toEqual([]);
	const [problem, ...others] = await later(5);
	expect(others).toEqual([]);
	expect(problem).toMatchObject({ kind: 'windowBehind', severity: 'critical', subject: 'postgres-wal main' });
	expect(problem?.message).toMatch(/^main can be recovered up to .* UTC only, 5 h ago; 1 h are allowed\.$/);
	rmSync(note());
	expect(await later(5)).toEqual([]);
	expect((await told()).document['recovery_windows']).toMatchObject([{ behind_seconds: null, archived_at: null }]);
	await pitr.ok('archiveWal');
	expect((await told()).document['recovery_windows']).toMatchObject([{ behind_seconds: expect.any(Number) }]);
});

it('asks the server where its log ends and what its slots hold; its databases lack nothing where all of it can be recovered', async () => {
	const lsn = async () => {
		const { rows } = await server.query('postgres', 'SELECT pg_current_wal_flush_lsn()::text AS lsn');
		return parseLsn(rows[0]!['lsn'] as string);
	};
	const before = await lsn();
	const { host, port, user, password } = server;
	const log = await readServerLog({ host, port, user, password, database: 'postgres' });
	expect(parseLsn(log!.sign!.position)).toBeGreaterThanOrEqual(before);
	expect(parseLsn(log!.sign!.position)).toBeLessThanOrEqual(await lsn());
	const asked = await told({ compareWith: ['postgres'] });
	expect(log!.sign).toMatchObject({
		timeline: 1,
		system: asked.document['recovery_windows'][0].system_identifier as string,
	});
	expect(asked.document['replication_slots']).toMatchObject([{ name: 'n8n_pitr', active: false, status: 'reserved' }]);
	expect(asked.kinds).toEqual([]);
});

it('alerts on replication slots that nobody reads, and on those that are lost', async () => {
	await server.query('postgres', `SELECT pg_create_physical_replication_slot('old', true)`);
	const more = { compareWith: ['postgres'], options: { ...options, slotHolds: 0.02, ignoredNames: '' } };
	for (let index = 0; index < 3; index++)
		await server.query('postgres', 'INSERT INTO rows VALUES (3); SELECT pg_switch_wal()');
	const behind = await told(more);
	expect(behind.problems.find(({ subject }) => subject === 'replication slot old')).toMatchObject({
		kind: 'slotBehind',
		severity: 'warning',
		message: expect.stringMatching(
			/^The replication slot old at .* holds \d+\.\d MB of WAL, and nobody reads it\. There is no limit/,
		),
	});
	await server.query('postgres', `ALTER SYSTEM SET max_slot_wal_keep_size = '16MB'`);
	await server.query('postgres', 'SELECT pg_reload_conf()');
	await pitr.ok('archiveWal');
	for (let index = 0; index < 5; index++) {
		await server.query('postgres', 'INSERT INTO rows VALUES (4); SELECT pg_switch_wal()');
		await server.query('postgres', 'CHECKPOINT');
	}
	const lost = await told(more);
	expect(lost.problems.filter(({ kind }) => kind === 'slotLost').map(({ subject }) => subject as string)).toContain(
		'replication slot old',
	);
	const [metrics] = await report.ok('getMetrics', more);
	expect(metrics!['metrics']).toMatch(/stack_backup_replication_slot_lost\{slot="old",server="[^"]*"\} 1/);
	const [page] = await report.ok('getStatusPage', more);
	expect(page!['html']).toMatch(/Slot old: not in use, lost/);
	const quiet = await told({ ...more, options: { ...more.options, ignoredNames: 'old, n8n_pitr' } });
	expect(quiet.kinds.filter((kind) => kind.startsWith('slot'))).toEqual([]);
});
