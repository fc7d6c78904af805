import type { ManifestTable } from '../../archive';
import { BackupError, messageOf } from '../../errors';
import { type PostgresConnection, withClient } from '../connection';
import { quoteIdentifier } from '../quoting';
import { serverCause } from '../serverMessage';

/** SQLSTATE program_limit_exceeded: a string buffer that would be longer than 1 GB. */
const LIMIT = '54000';
/** SQLSTATE internal_error; the message is never translated. A bytea whose text would be longer than 1 GB ends so. */
const INTERNAL = 'XX000';
const ALLOCATION = /invalid memory alloc request size/;

/** Milliseconds that the search for the value may take: it reads the whole table, but no value. */
const SEARCH = 60_000;

const HINT =
	'PostgreSQL writes no row longer than 1 GB, and two characters for each byte of a bytea: a row may hold some 500 MB of bytea, or 1 GB of text, whoever dumps it. Split the value or keep it in a file or a large object, or leave the rows of the table out (Exclude Data of Tables).';

/** True for a row that the server cannot write as text. */
export function isTooLarge(error: unknown): boolean {
	const { code } = error as { code?: string };
	return code === LIMIT || (code === INTERNAL && ALLOCATION.test(messageOf(error)));
}

interface Value {
	column: string;
	/** In megabytes. */
	size: number;
	row: string;
}

async function largestValue(connection: PostgresConnection, table: string, signal?: AbortSignal): Promise<Value> {
	return await withClient(connection, 'source', { ...(signal && { signal }) }, async (client) => {
		await client.query(`SET statement_timeout = ${SEARCH}`);
		const { rows: columns } = await client.query<{ name: string; measured: boolean }>(
			`SELECT attname::text AS name, atttypid IN (17, 25, 1042, 1043) AS measured FROM pg_catalog.pg_attribute
			WHERE attrelid = $1::pg_catalog.regclass AND attnum > 0 AND NOT attisdropped AND attlen = -1`,
			[table],
		);
		// Both functions look at the head of a value alone.
		const values = columns.map(({ name, measured }) => {
			const column = quoteIdentifier(name);
			const size = measured ? `pg_catalog.octet_length(t.${column})` : `pg_catalog.pg_column_size(t.${column})`;
			return `(${client.escapeLiteral(name)}, ${size})`;
		});
		const { rows } = await client.query<Value>(
			`SELECT v.name AS column, v.size::int / 1000000 AS size, t.ctid::text AS row FROM ONLY ${table} t
			CROSS JOIN LATERAL (VALUES ${values.join(', ')}) AS v (name, size) WHERE v.size IS NOT NULL ORDER BY v.size DESC LIMIT 1`,
		);
		return rows[0] as Value;
	});
}

/** The error for a row that the server cannot write, with the place of the largest value as far as it can be found. */
export async function rowTooLarge(
	connection: PostgresConnection,
	{ schema, name }: ManifestTable,
	error: unknown,
	signal?: AbortSignal,
): Promise<BackupError> {
	const table = [schema, name].map(quoteIdentifier).join('.');
	const value = await largestValue(connection, table, signal).catch(() => undefined);
	const where = value
		? ` The largest value of the table stands in the column "${value.column}" (${value.size} MB, in the row at ctid ${value.row}).`
		: '';
	return new BackupError(
		'SOURCE_FAILED',
		`Could not read table ${schema}.${name}: a row of it is too large to be written (${messageOf(error)}).${where}`,
		{ hint: HINT, cause: serverCause(error) },
	);
}
