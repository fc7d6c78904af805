import type { StatementFacts } from '../../statements/facts';

/** As pg_dump writes it, with nothing in the schema yet. */
const BARE = /^\s*CREATE\s+SCHEMA\s+("public"|public)\s*;?\s*$/i;

/**
 * A statement that makes the schema `public` as one that also holds where there is one: every new database has it, so pg_dump leaves
 * it out, but for a dump of chosen schemas (`--schema=public`), which psql would stop at.
 */
export function withPublicAsItIs(sql: string, { verb, kind, schema }: StatementFacts): string {
	const makesPublic = verb === 'CREATE' && kind === 'SCHEMA' && schema === 'public' && BARE.test(sql);
	return makesPublic ? 'CREATE SCHEMA IF NOT EXISTS public;' : sql;
}
