import { spawn } from 'node:child_process';
import { pipeline } from 'node:stream/promises';
import { text } from 'node:stream/consumers';

import type { PostgresServer } from '../services/postgres';

/** Runs a client program of the server's own version and gives its output; rejects with what it wrote to stderr. */
export async function runNative(server: PostgresServer, program: string, args: string[]): Promise<string> {
	const child = spawn(server.bin(program), args, { env: server.environment(), stdio: ['ignore', 'pipe', 'pipe'] });
	const closed = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
	const [code, output, errors] = await Promise.all([closed, text(child.stdout), text(child.stderr)]);
	if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}: ${errors.slice(0, 2000)}`);
	return output;
}

/** What the native pg_dump (of version 15) says of a database, without psql's \restrict lines. */
export async function nativeDump(server: PostgresServer, database: string, ...args: string[]): Promise<string> {
	const script = await runNative(server, 'pg_dump', [...args, `--dbname=${connection(database)}`]);
	return script.replace(/^\\(un)?restrict \S+\n/gm, '');
}

/** Copies a database as the native tools do: `pg_dump | psql -v ON_ERROR_STOP=1` into a new, empty database. */
export async function nativeRoundTrip(server: PostgresServer, database: string): Promise<string> {
	const copy = await server.createDatabase();
	const env = server.environment();
	const dump = spawn(server.bin('pg_dump'), [`--dbname=${connection(database)}`], {
		env,
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	const psqlArgs = ['-X', '-q', '-v', 'ON_ERROR_STOP=1', `--dbname=${connection(copy)}`, '--output=/dev/null'];
	const psql = spawn(server.bin('psql'), psqlArgs, { env, stdio: ['pipe', 'ignore', 'pipe'] });
	const ended = [dump, psql].map(async (child) => {
		const closed = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
		const [code, errors] = await Promise.all([closed, text(child.stderr)]);
		if (code !== 0) throw new Error(`${child.spawnfile} ended with ${code}: ${errors.slice(0, 2000)}`);
	});
	await Promise.all([pipeline(dump.stdout, psql.stdin).catch(() => undefined), ...ended]);
	return copy;
}

/** A database name that libpq takes for nothing else. */
function connection(database: string): string {
	return `dbname='${database.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
