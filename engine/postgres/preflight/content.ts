import type { Client } from 'pg';

import { listed } from '../../errors';
import { type SetupFinding, finder } from '../../preflight';
import { quoteLiteral } from '../quoting';
import { extensionModules } from '../verify/inProcess/extensions';

import type { ServerView } from './facts';
import { counted } from './privileges';
import { ask, EXCLUSIVE_LOCKS, namesOf, relations } from './queries';

/** A lock that is held for so many seconds is not just passing by. */
const LONG_SECONDS = 60;

/** What is in a database that a back up, a restore or a test restore has trouble with. */
export async function contentFindings(client: Client, view: ServerView): Promise<SetupFinding[]> {
	return [
		...extensionFindings(view),
		...encodingFindings(view),
		...(await unloggedFindings(client, view)),
		...(await foreignFindings(client, view)),
		...(await lockFindings(client, view)),
		...(await lockRoomFindings(client, view)),
	];
}

function extensionFindings({ extensions, database }: ServerView): SetupFinding[] {
	const lost = extensions.filter(({ isAvailable }) => !isAvailable).map(({ name }) => name);
	const { missing } = extensionModules(extensions.map(({ name }) => name));
	const restore = finder('Extensions', database, 'restore');
	const verification = finder('Extensions', database, 'verification');
	return [
		...(lost.length === 0
			? []
			: [
					restore.problem(
						`The server has no files of the installed version any more of ${counted(lost.length, 'extension')}, and could not create it again: ${listed(lost)}.`,
						`Install the files on the server, or, where another version of them is there, run in the database: ${lost.map((name) => `ALTER EXTENSION "${name}" UPDATE;`).join(' ')}`,
					),
				]),
		missing.length === 0
			? verification.ok('A test restore inside n8n has all extensions of the database.')
			: verification.warning(
					`A test restore inside n8n lacks ${counted(missing.length, 'extension')} of the database: ${listed(missing)}.`,
					'In Verify Archive, set PostgreSQL Into to Scratch Database on a Server, with a server that has them.',
				),
	];
}

function encodingFindings({ encoding, database }: ServerView): SetupFinding[] {
	if (encoding !== 'SQL_ASCII') return [];
	return [
		finder('Encoding', database, 'backup').warning(
			'The encoding of the database is SQL_ASCII, which is none: a back up fails where a name, a comment or a function is not UTF-8. Rows may be anything.',
			'Back it up once, and rename what the error names.',
		),
	];
}

/** pg_dump leaves out, on a standby, the rows of unlogged tables, for they are not there. */
async function unloggedFindings(client: Client, { isStandby, database }: ServerView): Promise<SetupFinding[]> {
	if (!isStandby) return [];
	const names = await namesOf(client, 'unlogged tables', relations("'r'", "c.relpersistence = 'u'"));
	if (names.length === 0) return [];
	return [
		finder('Unlogged Tables', database, 'backup').warning(
			`A standby has no rows of unlogged tables, so a back up of it misses those of ${listed(names)}.`,
			`${names.map((name) => `ALTER TABLE ${name} SET LOGGED;`).join('\n')}\n-- Run that on the primary; or back up the primary.`,
		),
	];
}

async function foreignFindings(client: Client, { database }: ServerView): Promise<SetupFinding[]> {
	const tables = await ask<{ name: string; server: string }>(
		client,
		'foreign tables',
		`SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name, s.srvname::text AS server
		FROM pg_catalog.pg_foreign_table f JOIN pg_catalog.pg_class c ON c.oid = f.ftrelid
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_foreign_server s ON s.oid = f.ftserver ORDER BY 1`,
	);
	if (tables.length === 0) return [];
	const servers = [...new Set(tables.map(({ server }) => server))];
	return [
		finder('Foreign Tables', database, 'backup').warning(
			`The rows of ${counted(tables.length, 'foreign table')} lie elsewhere (${listed(servers)}) and are in no back up of this database: ${listed(tables.map(({ name }) => name))}.`,
			`Back them up where they lie; or add to Further pg_dump Arguments: ${servers.map((server) => `--include-foreign-data=${server}`).join(' ')}`,
		),
	];
}

interface HeldLock {
	/** The session; null for a prepared transaction, which `gid` names. */
	pid: number | null;
	gid: string | null;
	name: string;
	seconds: number | null;
}

async function lockFindings(client: Client, { database }: ServerView): Promise<SetupFinding[]> {
	const { problem, warning } = finder('Locks', database, 'backup');
	const held = await ask<HeldLock>(client, 'locks', EXCLUSIVE_LOCKS);
	const isLasting = ({ seconds }: HeldLock) => (seconds ?? 0) >= LONG_SECONDS;
	const prepared = holdersOf(held.filter(({ pid }) => pid === null));
	const sessions = holdersOf(held.filter((lock) => lock.pid !== null && isLasting(lock)));
	return [
		...prepared.map(({ gid, names }) =>
			problem(
				`A prepared transaction holds a lock on ${listed(names)}, for which a back up waits.`,
				gid === null
					? 'SELECT * FROM pg_prepared_xacts;\n-- And then COMMIT PREPARED or ROLLBACK PREPARED.'
					: `ROLLBACK PREPARED ${quoteLiteral(gid)};\n-- Or COMMIT PREPARED, if its application meant to.`,
			),
		),
		...sessions.map(({ pid, names, seconds }) =>
			warning(
				`A session has held a lock on ${listed(names)} for ${seconds} s, for which a back up waits.`,
				`SELECT pg_terminate_backend(${pid});\n-- Or wait for it; or back up at another time.`,
			),
		),
	];
}

/** The locks of one holder together. */
function holdersOf(locks: readonly HeldLock[]): Array<Omit<HeldLock, 'name'> & { names: string[] }> {
	const holders = new Map<string, Omit<HeldLock, 'name'> & { names: string[] }>();
	for (const { name, ...holder } of locks) {
		const key = JSON.stringify([holder.pid, holder.gid]);
		const known = holders.get(key);
		if (known) known.names.push(name);
		else holders.set(key, { ...holder, names: [name] });
	}
	return [...holders.values()];
}

/** A back up locks every table of a database at once, in a table of locks that is of one size. */
async function lockRoomFindings(client: Client, { database, locks }: ServerView): Promise<SetupFinding[]> {
	const tables = (await namesOf(client, 'tables', relations("'r', 'p'", 'true'))).length;
	if (tables < locks) return [];
	const wanted = Math.ceil((64 * tables) / locks) * 2;
	return [
		finder('Locks', database, 'backup').warning(
			`A back up locks all ${tables} tables at once, and the server has room for ${locks} locks.`,
			`ALTER SYSTEM SET max_locks_per_transaction = ${wanted};\n-- And restart the server.`,
		),
	];
}
