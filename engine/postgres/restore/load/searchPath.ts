/**
 * Dumps are restored with an empty search path, so that no statement of theirs finds what somebody else has put into its way. A function
 * that names something without its schema is not found its way then, neither here nor by psql, when an index or a view that uses it is
 * made, or a row comes for which a check or a generated column calls it: `unaccent(text)` in the body of a function of the application, `earth` in those of the extension earthdistance. In the
 * database that was backed up they were found by the usual path. So such a statement, and such rows, are tried once more, with that.
 */
import type { Client } from 'pg';

import { quoteIdentifier } from '../../quoting';
import { type Ran, runOne } from '../../runOne';
import type { StatementFacts } from '../../statements/facts';
import { missesSearchPath } from './hints';

/** What is made from rows or expressions, and so may call functions. */
const CALLS_FUNCTIONS = new Set([
	'INDEX',
	'TABLE',
	'VIEW',
	'MATERIALIZED VIEW',
	'CONSTRAINT',
	'CHECK CONSTRAINT',
	'DEFAULT',
	'STATISTICS',
]);

/** Runs statements one at a time, and notes which of them needed a search path. */
export class SearchPath {
	readonly #needed = new Set<string>();

	get warnings(): string[] {
		const [first] = this.#needed;
		if (first === undefined) return [];
		const more = this.#needed.size > 1 ? ` and ${this.#needed.size - 1} more` : '';
		return [
			`${first}${more}: a function that it uses names something without its schema, and was found by the search path public and the schemas of extensions. Other tools cannot restore that. In the source, give the function a path of its own: ALTER FUNCTION ... SET search_path = public.`,
		];
	}

	/** @throws the server's error, the first one where the second try fails, too */
	async run(client: Client, text: string, { object, facts }: { object: string; facts: StatementFacts }): Promise<Ran> {
		try {
			return await runOne(client, text);
		} catch (error) {
			if (!CALLS_FUNCTIONS.has(facts.kind) || !missesSearchPath(error)) throw error;
			const ran = await withUsualPath(
				client,
				facts.schema,
				async () => await runOne(client, text).catch(() => undefined),
			);
			if (!ran) throw error;
			this.#needed.add(object);
			return ran;
		}
	}

	/** Loads rows that were refused without the path. @throws what loading throws */
	async rows<T>(
		client: Client,
		load: () => Promise<T>,
		{ object, table }: { object: string; table: string | undefined },
	): Promise<T> {
		const loaded = await withUsualPath(client, table?.split('\0')[0], load);
		this.#needed.add(object);
		return loaded;
	}
}

async function withUsualPath<T>(client: Client, schema: string | undefined, run: () => Promise<T>): Promise<T> {
	const { rows } = await client.query<{ schema: string }>(
		'SELECT DISTINCT nspname::text AS schema FROM pg_catalog.pg_extension JOIN pg_catalog.pg_namespace n ON n.oid = extnamespace ORDER BY 1',
	);
	const schemas = [...(schema ? [schema] : []), 'public', ...rows.map((row) => row.schema)];
	const path = [...new Set(schemas)].map((name) => quoteIdentifier(name)).join(', ');
	const { rows: before } = await client.query<{ path: string }>(
		"SELECT pg_catalog.current_setting('search_path') AS path",
	);
	const set = async (value: string) =>
		await client.query("SELECT pg_catalog.set_config('search_path', $1, false)", [value]);
	const reset = async () => await set((before[0] as { path: string }).path);
	await set(path);
	const ran = await run().catch(async (error: unknown) => {
		// Where a transaction has failed with it, the server refuses this, and takes the path back with the transaction.
		await reset().catch(() => {});
		throw error;
	});
	await reset();
	return ran;
}
