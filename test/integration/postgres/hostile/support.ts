import { existsSync } from 'node:fs';
import { join } from 'node:path';

import type { Manifest } from '../../../../engine/archive';
import type { PostgresServer } from '../../../services/postgres';
import { forge, type OpenPart } from '../../verify/forge';
import { backUp, type Backup, databaseNames, databaseWith } from '../engine/support';

/** A file on the server's machine that nothing makes but a program or a COPY that an attacker brought. */
export class Trace {
	readonly path: string;

	constructor(server: PostgresServer) {
		this.path = join(server.dataDir, 'attacked');
	}

	get isThere(): boolean {
		return existsSync(this.path);
	}
}

/** What an attacker makes of a part's text. */
export type Attack = (text: string) => string;

export interface Victim {
	backup: Backup;
	database: string;
	trace: Trace;
	/** The backup with parts of one type changed, every hash and size fitting. Answers the archive's key. */
	forged(type: string, attack: Attack): Promise<string>;
	/** The backup with other parts. */
	forgedParts(change: (parts: OpenPart[]) => OpenPart[], manifest?: Partial<Manifest>): Promise<string>;
	/** What a run must leave as it was: databases, roles, rows. */
	state(): Promise<unknown>;
}

const TABLES = [
	"CREATE TABLE t (id int PRIMARY KEY, a text CHECK (a <> 'never')); INSERT INTO t VALUES (1, 'one'), (2, 'two')",
	'CREATE TABLE u (t int REFERENCES t); INSERT INTO u VALUES (1)',
	'CREATE INDEX t_a ON t (a)',
	`SELECT lo_from_bytea(4242, 'large')`,
];

/** A database with some of everything, its backup, and another database to be attacked. */
export async function victimOn(server: PostgresServer): Promise<Victim> {
	const database = await databaseWith(server, ...TABLES);
	await server.query('postgres', 'CREATE DATABASE victim');
	const backup = await backUp(server, database);
	const { storage, manifest } = backup;
	const forgedParts: Victim['forgedParts'] = (change, changes) =>
		forge(storage, { manifest, folder: 'postgres' }, { parts: change, ...(changes && { manifest: changes }) });
	return {
		backup,
		database,
		trace: new Trace(server),
		forgedParts,
		forged: (type, attack) => forgedParts(changing(type, attack)),
		async state() {
			const { rows: roles } = await server.query(
				'postgres',
				'SELECT rolname, rolsuper, rolcanlogin FROM pg_roles ORDER BY 1',
			);
			const { rows } = await server.query(database, 'SELECT * FROM t ORDER BY id');
			const { rows: prepared } = await server.query('postgres', 'SELECT gid FROM pg_prepared_xacts');
			const { rows: settings } = await server.query(
				'postgres',
				"SELECT name FROM pg_file_settings WHERE sourcefile ~ 'auto'",
			);
			return { databases: await databaseNames(server), roles, rows, prepared, settings };
		},
	};
}

/** Changes the parts of one type. */
export function changing(type: string, attack: Attack): (parts: OpenPart[]) => OpenPart[] {
	return (parts) =>
		parts.map(({ part, raw }) =>
			part.type === type ? { part, raw: Buffer.from(attack(raw.toString('latin1')), 'latin1') } : { part, raw },
		);
}

/** Puts a statement before a script. */
export const adding =
	(statement: string): Attack =>
	(text) =>
		`${statement}\n${text}`;
