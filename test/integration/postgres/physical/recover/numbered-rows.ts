import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

import type { DecryptionKeys } from '../../../../../engine/archive';
import { backUpCluster } from '../../../../../engine/postgres/physical/base';
import { parseLsn, type Lsn } from '../../../../../engine/postgres/physical/lsn';
import { parseTime, type RecoveryTarget } from '../../../../../engine/postgres/physical/recover';
import { archiveWal } from '../../../../../engine/postgres/physical/wal';
import { FolderStorage, type Storage } from '../../../../../engine/storage';
import { startPostgres, type PostgresServer } from '../../../../services/postgres';
import type { PostgresVersion } from '../../../../services/postgres-binaries';
import { giveToServer } from '../../../../services/postgres-data';

/** A row as the server's own log has it: PostgreSQL's pg_walinspect is the judge. */
export interface NumberedRow {
	id: number;
	transaction: number;
	/** Microseconds since 1970. */
	committed: number;
	/** Of the commit record. */
	startLsn: Lsn;
	endLsn: Lsn;
}

/** A server that numbered rows were committed to while it was backed up, and what the storage has of it. */
export interface NumberedRows {
	server: PostgresServer;
	storage: Storage;
	/** Undefined where nothing is encrypted. */
	keys: DecryptionKeys | undefined;
	rows: NumberedRow[];
	/** All records of the log begin at these places, in order. */
	records: Lsn[];
	/** When the first base backup was there: rows up to here are in it. */
	firstBase: { endLsn: Lsn; time: number };
}

const SLOT = 'archive';
const CONFIG = {
	synchronous_commit: 'on',
	full_page_writes: 'on',
	track_commit_timestamp: 'on',
	max_wal_size: '1GB',
	// For pg_walinspect, which reads what the server has itself.
	wal_keep_size: '2GB',
	wal_level: 'replica',
};

export interface NumberedRowsOptions {
	/** Of writing, each with its archiving; a base backup stands between two. */
	rounds?: number;
	/** Whether and by what all archives are encrypted. */
	passphrase?: string;
	/** Appended to postgresql.conf before the first base backup; the server itself does not read it any more. */
	configuration?: (server: PostgresServer) => string;
}

/**
 * Writes rows, with base backups and archiving in between, the last ones incremental where the server can. The rows lie in a tablespace
 * outside of the data directory.
 */
export async function writeNumberedRows(
	version: PostgresVersion,
	root: string,
	{ rounds = 3, passphrase, configuration }: NumberedRowsOptions = {},
): Promise<NumberedRows> {
	const config = { ...CONFIG, ...(version >= 17 && { summarize_wal: 'on' }) };
	const server = await startPostgres({ version, config });
	const { host, port, user, password } = server;
	const connection = { host, port, user, password, database: 'postgres' };
	const storage = new FolderStorage({ root });
	const keys = passphrase === undefined ? undefined : { passphrase };
	const encrypted = keys && { encryption: keys, keys };
	const choices = { storage, codec: { name: 'zstd', level: 1 }, connection, ...encrypted } as const;
	if (configuration) appendFileSync(join(server.dataDir, 'postgresql.conf'), configuration(server));
	const space = join(server.dataDir, '..', 'space');
	mkdirSync(space);
	giveToServer(space);
	const sql = async (text: string) => (await server.query('postgres', text)).rows as Record<string, string>[];
	await sql('CREATE EXTENSION pg_walinspect');
	// Two thirds of the files of an empty cluster, which each recovery would write for nothing.
	await sql('UPDATE pg_database SET datistemplate = false');
	for (const name of ['template0', 'template1']) await sql(`DROP DATABASE ${name}`);
	await sql(`CREATE TABLESPACE outside LOCATION '${space}'`);
	await sql(
		'CREATE TABLE rows (id int PRIMARY KEY, filler text) TABLESPACE outside; CREATE TABLE busy (id int, filler text)',
	);
	const [{ lsn: begin }] = (await sql('SELECT pg_current_wal_insert_lsn()::text AS lsn')) as [{ lsn: string }];
	await archiveWal({ ...choices, slot: SLOT });
	let id = 0;
	const write = async (count: number) => {
		for (const end = id + count; id < end;) {
			await sql(`INSERT INTO rows VALUES (${++id}, repeat('x', ${(id * 37) % 900}))`);
			if (id % 20 === 0) await sql(`INSERT INTO busy SELECT g, repeat('y', 300) FROM generate_series(1, 500) g`);
			if (id % 30 === 0) await sql(`DELETE FROM busy WHERE id % 3 = ${id % 3}; CHECKPOINT`);
			if (id % 40 === 0) await sql('SELECT pg_switch_wal()');
		}
	};
	await write(10);
	const first = await backUpCluster(choices);
	const [{ at }] = (await sql('SELECT clock_timestamp()::text AS at')) as [{ at: string }];
	const firstBase = { endLsn: parseLsn(String(first.source['endLsn'])), time: parseTime(at) };
	for (let round = 1; round <= rounds; round++) {
		await write(20);
		if (round < rounds) {
			const incremental = version >= 17 ? { incremental: { fullEvery: 10 } } : {};
			await Promise.all([backUpCluster({ ...choices, ...incremental }), write(10)]);
		}
		await archiveWal({ ...choices, slot: SLOT });
	}
	await write(10);
	await sql(`SELECT pg_create_restore_point('the end')`);
	await sql('INSERT INTO busy VALUES (0)');
	await archiveWal({ ...choices, slot: SLOT });
	return { server, storage, keys, firstBase, ...(await judged(sql, begin)) };
}

async function judged(
	sql: (text: string) => Promise<Record<string, string>[]>,
	begin: string,
): Promise<Pick<NumberedRows, 'rows' | 'records'>> {
	const log = `pg_get_wal_records_info('${begin}', pg_current_wal_flush_lsn())`;
	const found =
		await sql(`SELECT id, rows.xmin::text AS transaction, pg_xact_commit_timestamp(rows.xmin)::text AS committed, start_lsn::text, end_lsn::text
		FROM rows JOIN ${log} AS log ON log.xid = rows.xmin AND log.record_type = 'COMMIT' ORDER BY id`);
	const starts = await sql(`SELECT start_lsn::text FROM ${log} ORDER BY start_lsn`);
	return {
		rows: found.map((row) => ({
			id: Number(row['id']),
			transaction: Number(row['transaction']),
			committed: parseTime(row['committed']!),
			startLsn: parseLsn(row['start_lsn']!),
			endLsn: parseLsn(row['end_lsn']!),
		})),
		records: starts.map((row) => parseLsn(row['start_lsn']!)),
	};
}

/** The numbers of the rows that are there where the server has stopped, by PostgreSQL's rules. */
export function expectedRows({ rows, records }: NumberedRows, target: RecoveryTarget): number[] {
	const isIn = (row: NumberedRow): boolean => {
		switch (target.type) {
			case 'time':
				return target.inclusive ? row.committed <= target.time : row.committed < target.time;
			case 'lsn': {
				const stop = records.find((lsn) => lsn >= target.lsn);
				return stop === undefined || (target.inclusive ? row.startLsn <= stop : row.startLsn < stop);
			}
			case 'transaction': {
				const of = rows.find(({ transaction }) => transaction === target.transaction)!;
				return target.inclusive ? row.startLsn <= of.startLsn : row.startLsn < of.startLsn;
			}
			default:
				return true;
		}
	};
	return rows.filter(isIn).map(({ id }) => id);
}
