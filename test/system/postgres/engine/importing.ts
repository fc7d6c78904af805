import { createReadStream, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { openForeignDump, restoreDatabase, type RestoreDatabaseOptions } from '../../../../engine/postgres';
import { runNative } from '../../../fidelity/native';
import { connectionTo, newName, scalar } from '../../../integration/postgres/engine/support';
import { temporaryFolder } from '../../../services/guard';
import type { PostgresServer } from '../../../services/postgres';

type Choices = Partial<Omit<RestoreDatabaseOptions, 'source'>>;

/** Makes dumps with the native tools of 15, and imports what is in files. The server may be started later. */
export function importing(server: () => PostgresServer) {
	const folder = temporaryFolder('imported-dumps');
	let files = 0;

	/** A file of that content. */
	function file(content: string | Uint8Array): string {
		const path = join(folder, `file_${++files}`);
		writeFileSync(path, content);
		return path;
	}

	async function dump(database: string, ...args: string[]): Promise<string> {
		const path = join(folder, `dump_${++files}`);
		await runNative(server(), 'pg_dump', [...args, `--file=${path}`, `--dbname=${database}`]);
		return path;
	}

	async function importInto(path: string, choices: Choices = {}) {
		return await restoreDatabase({
			connection: connectionTo(server(), 'postgres'),
			source: await openForeignDump({ name: 'dump.sql', open: () => Promise.resolve(createReadStream(path)) }),
			target: { type: 'newDatabase', database: newName() },
			...choices,
		});
	}

	async function copyOf(database: string, ...statements: string[]): Promise<string> {
		const copy = newName();
		await server().query('postgres', `CREATE DATABASE ${copy} TEMPLATE ${database}`);
		for (const sql of statements) await server().query(copy, sql);
		return copy;
	}

	const count = async (database: string, table: string) =>
		await scalar(server(), database, `SELECT count(*) FROM ${table}`);

	return { file, dump, importInto, copyOf, count };
}

export const into = (database: string, before: 'nothing' | 'truncate' | 'drop' = 'nothing') =>
	({ type: 'existing', database, confirmation: database, before }) as const;
