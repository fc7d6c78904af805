import type { Client } from 'pg';

import { listed } from '../../errors';
import { type SetupFinding, finder } from '../../preflight';

import type { ServerView } from './facts';
import { ask, CLOSED_LARGE_OBJECTS, CLOSED_SCHEMAS, FUTURE, namesOf, OTHER_OWNERS, relations } from './queries';

/** Statements that name more objects than this are not to be read any more. */
const MOST_NAMED = 50;

/** `1 table`, `3 tables` */
export const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;

const READ_ALL = (user: string) => `-- Or, for all that there is and will be: GRANT pg_read_all_data TO ${user};`;

/** What the user may not read of a database. */
export async function readingFindings(client: Client, view: ServerView): Promise<SetupFinding[]> {
	const { user, database } = view;
	const { ok, problem } = finder('Privileges', database, 'backup');
	const alternative = view.version >= 140_000 ? `\n${READ_ALL(user)}` : '';
	const grant = (right: string, kind: string, names: string[]) =>
		chunked(names)
			.map((some) => `GRANT ${right} ON ${kind} ${some.join(', ')} TO ${user};`)
			.join('\n') + alternative;
	const schemas = await namesOf(client, 'schemas', CLOSED_SCHEMAS);
	const tables = await namesOf(
		client,
		'tables',
		relations("'r', 'p'", "NOT pg_catalog.has_table_privilege(c.oid, 'SELECT')"),
	);
	const sequences = await namesOf(
		client,
		'sequences',
		// Looked at only where it is a sequence: an order that only a CASE promises.
		relations(
			"'S'",
			"CASE WHEN c.relkind = 'S' THEN NOT pg_catalog.has_sequence_privilege(c.oid, 'SELECT') ELSE false END",
		),
	);
	const denied = [
		[schemas, 'look into', 'schema', 'USAGE'],
		[tables, 'read', 'table', 'SELECT'],
		[sequences, 'read', 'sequence', 'SELECT'],
	] as const;
	const findings = denied.flatMap(([names, verb, kind, right]) => {
		if (names.length === 0) return [];
		const what = `${user} may not ${verb} ${counted(names.length, kind)}: ${listed(names)}.`;
		return [problem(what, grant(right, kind.toUpperCase(), names))];
	});
	return [
		...(findings.length === 0 ? [ok(`${user} may read every schema, table and sequence.`)] : findings),
		...(view.isSuper || view.readsAll ? [] : await futureFindings(client, view)),
		...(await hiddenFindings(client, view)),
		...(await largeObjectFindings(client, view)),
	];
}

/** What others create tomorrow, and then is in the way. */
async function futureFindings(client: Client, { user, database, version }: ServerView): Promise<SetupFinding[]> {
	const { warning } = finder('Future Tables', database, 'backup');
	const makers = await ask<{ schema: string; owner: string; kind: string }>(client, 'default privileges', FUTURE);
	if (makers.length === 0) return [];
	const statements = makers.map(
		({ schema, owner, kind }) =>
			`ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} IN SCHEMA ${schema} GRANT SELECT ON ${kind} TO ${user};`,
	);
	const owners = [...new Set(makers.map(({ owner }) => owner))];
	const what = `What ${listed(owners)} will create from now on, ${user} may not read, and the back up after that fails.`;
	return [warning(what, [...statements, ...(version >= 140_000 ? [READ_ALL(user)] : [])].join('\n'))];
}

/** Policies that would hide rows; a back up ends there rather than miss them. */
async function hiddenFindings(client: Client, { user, database }: ServerView): Promise<SetupFinding[]> {
	const { problem } = finder('Row-Level Security', database, 'backup');
	const hidden = await namesOf(
		client,
		'policies',
		relations("'r', 'p'", 'c.relrowsecurity AND pg_catalog.row_security_active(c.oid)'),
	);
	if (hidden.length === 0) return [];
	const what = `Policies may hide rows of ${counted(hidden.length, 'table')} from ${user}, so a back up refuses: ${listed(hidden)}.`;
	return [problem(what, `ALTER ROLE ${user} BYPASSRLS;`)];
}

async function largeObjectFindings(client: Client, { user, database }: ServerView): Promise<SetupFinding[]> {
	const { problem } = finder('Large Objects', database, 'backup');
	const closed = await namesOf(client, 'large objects', CLOSED_LARGE_OBJECTS);
	if (closed.length === 0) return [];
	const many = closed.length > 1000 ? 'more than 1000 large objects' : counted(closed.length, 'large object');
	const what = `${user} may not read ${many}: ${listed(closed)}.`;
	const all = `DO $$DECLARE o oid; BEGIN FOR o IN SELECT oid FROM pg_largeobject_metadata LOOP
	EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO ${user.replaceAll("'", "''").replaceAll('%', '%%')}', o); END LOOP; END$$;`;
	const grant = closed.length > MOST_NAMED ? all : `GRANT SELECT ON LARGE OBJECT ${closed.join(', ')} TO ${user};`;
	return [problem(what, `${grant}\n-- Or leave them out: Large Objects: Never.`)];
}

/** Whether what is restored can get the owners that it had. */
export async function ownershipFindings(
	client: Client,
	{ user, database, isSuper }: ServerView,
): Promise<SetupFinding[]> {
	if (isSuper) return [];
	const { ok, warning } = finder('Ownership', database, 'restore');
	const owners = await ask<{ name: string; is_super: boolean }>(client, 'owners', OTHER_OWNERS);
	if (owners.length === 0) return [ok(`${user} may replace the database, and give what is in it to its owners.`)];
	const what = `${user} is no member of ${listed(owners.map(({ name }) => name))}, so it can neither replace what they own nor give it back to them.`;
	const plain = owners.filter(({ is_super }) => !is_super).map(({ name }) => name);
	const instead = `-- ${plain.length > 0 ? 'Or restore' : 'Restore'} with a superuser’s credential, or into a new database with Owner: Restoring User.`;
	return [warning(what, [...(plain.length > 0 ? [`GRANT ${plain.join(', ')} TO ${user};`] : []), instead].join('\n'))];
}

function chunked(names: readonly string[]): string[][] {
	const chunks: string[][] = [];
	for (let from = 0; from < names.length; from += MOST_NAMED) chunks.push(names.slice(from, from + MOST_NAMED));
	return chunks;
}
