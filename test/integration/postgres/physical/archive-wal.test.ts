import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { listManifests } from '../../../../engine/archive';
import type { PostgresConnection } from '../../../../engine/postgres/connection';
import { parseLsn } from '../../../../engine/postgres/physical/lsn';
import { dropSlot, withWalSender } from '../../../../engine/postgres/physical/protocol';
import { archiveWal, type ArchiveWalOptions } from '../../../../engine/postgres/physical/wal';
import { FolderStorage } from '../../../../engine/storage';
import { removeFolder, temporaryFolder } from '../../../services/guard';
import { startPostgres, type PostgresServer } from '../../../services/postgres';
import { eventsIn, storedSegments } from './stored-wal';

const SLOT = 'n8n_wal';
let server: PostgresServer;
let connection: PostgresConnection;
let folder: string;
let storage: FolderStorage;

beforeAll(async () => {
	server = await startPostgres({
		version: 18,
		config: { synchronous_commit: 'on', min_wal_size: '32MB', max_wal_size: '32MB' },
	});
	const { host, port, user, password } = server;
	connection = { host, port, user, password, database: 'postgres' };
	await server.query('postgres', 'CREATE TABLE rows (id int)');
});
afterAll(() => server.stop());

beforeEach(async () => {
	if (folder) removeFolder(folder);
	folder = temporaryFolder('wal');
	storage = new FolderStorage({ root: folder });
	await server.query(
		'postgres',
		`SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '${SLOT}'`,
	);
});
afterAll(() => removeFolder(folder));

const archive = (more: Partial<ArchiveWalOptions> = {}) =>
	archiveWal({ storage, codec: { name: 'zstd' }, connection, slot: SLOT, ...more });
const sql = (text: string) => server.query('postgres', text);
const lsnNow = async () => {
	const { rows } = await sql('SELECT pg_current_wal_flush_lsn()::text AS lsn');
	return parseLsn(rows[0]!['lsn'] as string);
};
const slot = async () =>
	(await sql(`SELECT restart_lsn::text, active FROM pg_replication_slots WHERE slot_name = '${SLOT}'`)).rows[0]!;
const archives = async () => (await listManifests(storage, '', { kind: 'postgres-wal' })).backups.reverse();

describe('archiving WAL to the present', () => {
	it('stores whole segments and the beginning of the last one, and confirms them', async () => {
		const first = await archive();
		expect(first.notices[0]).toContain(`The replication slot ${SLOT} was created`);
		await sql(`INSERT INTO rows SELECT generate_series(1, 1000)`);
		await sql('SELECT pg_switch_wal()');
		await sql(`SELECT pg_create_restore_point('before the insert')`);
		await sql(`INSERT INTO rows VALUES (1)`);
		const present = await lsnNow();
		const report = await archive();
		expect(report.storedLsn).toBeGreaterThanOrEqual(present);
		expect(report.stored.map(({ source }) => source['partialSegment'])).toEqual([false, true]);
		expect(parseLsn((await slot())['restart_lsn'] as string)).toBe(report.storedLsn);
		const events = eventsIn(await storedSegments(storage));
		expect(events.at(-2)).toMatchObject({ type: 'restorePoint', name: 'before the insert' });
		expect(events.at(-1)).toMatchObject({ type: 'commit' });
		expect(report.stored[1]!.counts).toMatchObject({ segments: 1, restorePoints: 1 });
		expect(report.stored[1]!.source['lastTime']).toMatch(/^20\d\d-.*T.*\.\d{6}Z$/);
		expect(report.gaps).toEqual([]);
	});

	it('replaces the beginning of a segment by more of it, and stores nothing where nothing is new', async () => {
		await archive();
		await sql('INSERT INTO rows VALUES (2)');
		await archive();
		const [one, ...none] = await archives();
		expect(none).toEqual([]);
		expect(one!.manifest.source['partialSegment']).toBe(true);
		const again = await archive();
		const isQuiet = again.storedLsn === parseLsn(one!.manifest.source['endLsn'] as string);
		if (isQuiet) expect(again.stored).toEqual([]);
		await sql('INSERT INTO rows VALUES (3)');
		await sql('SELECT pg_switch_wal()');
		await sql('INSERT INTO rows VALUES (4)');
		await archive();
		expect((await archives()).map(({ manifest }) => manifest.source['partialSegment'])).toEqual([false, true]);
	});

	it('puts a gibibyte at most into an archive: the members are whole segments in order', async () => {
		await archive();
		for (let index = 0; index < 3; index++) {
			await sql('INSERT INTO rows VALUES (5)');
			await sql('SELECT pg_switch_wal()');
		}
		const { stored } = await archive();
		const whole = stored[0]!;
		expect(whole.parts.map(({ type }) => type)).toEqual(['segment', 'segment', 'segment', 'end']);
		expect(whole.parts[0]!.rawLength).toBe(16_777_216 + 512);
		const names = [...(await storedSegments(storage)).keys()];
		expect(names.slice(0, 3)).toEqual([...names.slice(0, 3)].sort());
	});

	it('is refused while somebody else uses the slot, and says so', async () => {
		await archive();
		await withWalSender(connection, {}, async (sender) => {
			const stream = await sender.copyBoth(
				`START_REPLICATION SLOT ${SLOT} PHYSICAL ${(await slot())['restart_lsn']}`,
				'x',
			);
			await expect(archive()).rejects.toMatchObject({
				code: 'SOURCE_FAILED',
				message: expect.stringMatching(/n8n_wal.*is active for PID/),
				hint: expect.stringContaining('Somebody else uses this replication slot'),
			});
			await stream.finish();
		});
	});

	it('tells of WAL that the server has removed, and goes on where the slot begins', async () => {
		await archive();
		const lost = (await archive()).storedLsn;
		await withWalSender(connection, {}, (sender) => dropSlot(sender, SLOT));
		for (let index = 0; index < 4; index++) {
			await sql('INSERT INTO rows VALUES (6)');
			await sql('SELECT pg_switch_wal()');
			await sql('CHECKPOINT');
		}
		const report = await archive();
		expect(report.gaps).toHaveLength(1);
		expect(report.gaps[0]!.startLsn).toBe(lost);
		expect(report.gaps[0]!.endLsn).toBeGreaterThan(lost);
		await sql('INSERT INTO rows VALUES (7)');
		const after = await archive();
		expect(after.gaps).toEqual([]);
		expect(after.coverage.intervals.get(1)).toHaveLength(2);
	});

	it('leaves nothing half where it is cancelled, and goes on from what is stored', async () => {
		await archive();
		await sql('INSERT INTO rows SELECT generate_series(1, 200000)');
		const stop = new AbortController();
		const cancelled = archive({ signal: stop.signal, onProgress: () => stop.abort() });
		await expect(cancelled).rejects.toMatchObject({ code: 'CANCELLED' });
		const { rows } = await sql('SELECT count(*)::int AS count FROM rows');
		await archive();
		expect(rows[0]!['count']).toBeGreaterThan(200_000);
		const events = eventsIn(await storedSegments(storage));
		expect(events.filter(({ type }) => type === 'commit').length).toBeGreaterThan(0);
	});
});
