import { Client } from 'pg';

import type { PostgresServer } from '../services/postgres';
import { catalogQueries } from './catalog';
import { nativeDump } from './native';

export { nativeDump, nativeRoundTrip } from './native';

/** One of the databases to compare. */
export interface Side {
	server: PostgresServer;
	database: string;
}

/** Facts by identity: `table store.x` -> its digest. */
type Facts = Map<string, string>;

/** The hash of every row's text, added up: equal for equal multisets of rows, in whatever order they are stored. */
const DIGEST = `count(*) || ' rows, digest ' ||
	coalesce(sum(('x' || substr(md5("row to compare"::text), 1, 16))::bit(64)::bigint::numeric), 0)`;

/**
 * What holds rows or a position. Where rows are spread by the hash of an enum, that is by OIDs, they settle elsewhere in
 * every database: there the partitioned table stands for its partitions.
 */
const DATA_RELATIONS = `
	WITH RECURSIVE by_enum AS (
		SELECT partrelid AS root, partrelid AS relid FROM pg_catalog.pg_partitioned_table WHERE partstrat = 'h' AND EXISTS (
			SELECT FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = atttypid
			WHERE attrelid = partrelid AND attnum = ANY (partattrs) AND typtype = 'e')
		UNION ALL SELECT root, inhrelid FROM by_enum JOIN pg_catalog.pg_inherits ON inhparent = relid)
	SELECT c.oid::pg_catalog.regclass::text AS name, relkind FROM pg_catalog.pg_class c
		JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
	WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND relispopulated AND (relkind IN ('r', 'm', 'S')
		AND NOT EXISTS (SELECT FROM by_enum WHERE relid = c.oid) OR EXISTS (SELECT FROM by_enum WHERE root = c.oid))`;

/**
 * Compares two databases in all that a dump carries: the schema as the native pg_dump words it (where both servers are
 * 15) and as the catalogs hold it, the rows of every table and populated materialized view, positions of sequences,
 * large objects with their contents, owners, privileges and comments.
 *
 * @returns one readable line per difference; empty when there is none
 */
export async function compareDatabases(a: Side, b: Side): Promise<string[]> {
	const [left, right] = [await describeDatabase(a), await describeDatabase(b)];
	const differences = compareFacts(left, right);
	if (a.server.version === 15 && b.server.version === 15) differences.push(...(await compareNativeDumps(a, b)));
	return differences;
}

async function describeDatabase({ server, database }: Side): Promise<Facts> {
	const client = new Client(server.clientConfig(database));
	await client.connect();
	try {
		await client.query(
			`SET search_path = ''; SET row_security = off; SET extra_float_digits = 1; SET timezone = 'UTC'`,
		);
		const facts: Facts = new Map();
		for (const [kind, sql] of Object.entries(catalogQueries(server.version))) await addFacts(client, facts, kind, sql);
		for (const [kind, sql] of Object.entries(await dataQueries(client))) await addFacts(client, facts, kind, sql);
		return facts;
	} finally {
		await client.end();
	}
}

async function addFacts(client: Client, facts: Facts, kind: string, sql: string): Promise<void> {
	const { rows } = await client.query<{ identity: string; facts: unknown }>(sql).catch((cause: unknown) => {
		throw new Error(`Comparing ${kind} failed: ${String(cause)}\n${sql.slice(0, 1000)}`, { cause });
	});
	for (const { identity, facts: value } of rows) {
		// Several objects may share an identity (columns of a composite index, say): all of them count.
		const key = `${kind} ${identity}`;
		facts.set(key, [...(facts.get(key)?.split('\n') ?? []), JSON.stringify(value)].sort().join('\n'));
	}
}

async function dataQueries(client: Client): Promise<Record<string, string>> {
	const { rows } = await client.query<{ name: string; relkind: string }>(DATA_RELATIONS);
	const queries: Record<string, string> = {};
	for (const { name, relkind } of rows) {
		if (relkind === 'S') {
			queries[`position of ${name}`] =
				`SELECT '' AS identity, jsonb_build_array(last_value, is_called) AS facts FROM ${name}`;
		} else {
			const only = relkind === 'p' ? '' : 'ONLY ';
			queries[`rows of ${name}`] = `SELECT '' AS identity, ${DIGEST} AS facts FROM ${only}${name} "row to compare"`;
		}
	}
	queries['large object'] = `SELECT oid::text AS identity, jsonb_build_array(pg_get_userbyid(lomowner),
			(SELECT array_agg(a::text ORDER BY a::text) FROM unnest(coalesce(lomacl, acldefault('L', lomowner))) a),
			obj_description(oid, 'pg_largeobject'), length(lo_get(oid)), md5(lo_get(oid))) AS facts
		FROM pg_largeobject_metadata`;
	return queries;
}

function compareFacts(a: Facts, b: Facts): string[] {
	const differences: string[] = [];
	for (const [key, value] of a) {
		const other = b.get(key);
		if (other === undefined) differences.push(`only in the first: ${key}: ${shortened(value)}`);
		else if (other !== value) differences.push(`differs: ${key}: ${firstDifference(value, other)}`);
	}
	for (const [key, value] of b) if (!a.has(key)) differences.push(`only in the second: ${key}: ${shortened(value)}`);
	return differences;
}

/** Compares entry by entry: their comments name the object, so that a difference in a long script stays readable. */
async function compareNativeDumps(a: Side, b: Side): Promise<string[]> {
	const entries = async ({ server, database }: Side) =>
		(await nativeDump(server, database, '--schema-only')).split(/\n(?=--\n-- Name: )/);
	const [left, right] = [await entries(a), await entries(b)];
	const differences = [
		...missing(left, right).map((entry) => `pg_dump, only in the first: ${shortened(entry)}`),
		...missing(right, left).map((entry) => `pg_dump, only in the second: ${shortened(entry)}`),
	];
	if (differences.length > 0) return differences;
	const moved = left.findIndex((entry, at) => entry !== right[at]);
	return moved < 0 ? [] : [`pg_dump, in another order from here on: ${shortened(left[moved] ?? '')}`];
}

function missing(entries: string[], others: string[]): string[] {
	const counts = new Map<string, number>();
	for (const entry of others) counts.set(entry, (counts.get(entry) ?? 0) + 1);
	return entries.filter((entry) => {
		const count = counts.get(entry) ?? 0;
		counts.set(entry, count - 1);
		return count <= 0;
	});
}

function firstDifference(a: string, b: string): string {
	let at = 0;
	while (a[at] === b[at]) at++;
	const from = Math.max(0, at - 60);
	return `${shortened(a.slice(from))} <> ${shortened(b.slice(from))}`;
}

function shortened(value: string): string {
	return value.length > 300 ? `${value.slice(0, 300)}...` : value;
}
