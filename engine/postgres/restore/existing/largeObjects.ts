import type { Client } from 'pg';

import type { RestoreStep } from '../source';

/** As pg_dump creates a large object, and as its plain scripts write one: open, write, write, close. */
const CREATE = /^SELECT\s+pg_catalog\.lo_create\('?(\d+)'?\)\s*$/;
const OPEN = /^SELECT\s+pg_catalog\.lo_open\('?(\d+)'?,/;
const WRITE = /^SELECT\s+pg_catalog\.(?:lowrite|lo_close)\(/;
const CONCERNS =
	/^(?:ALTER\s+LARGE\s+OBJECT|(?:COMMENT|GRANT|REVOKE|SECURITY\s+LABEL)\s[^']*?\bON\s+LARGE\s+OBJECT)\s+(\d+)\b/;
const PUT = /^SELECT pg_catalog\.lo_put\((\d+),/;

const exists = (id: string) => `EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata WHERE oid = '${id}')`;

/** INV_WRITE of libpq-fs.h. */
const WRITING = 131_072;

/** Opened by itself (OFFSET 0 keeps it apart), so that it can be closed again. */
const opened = (id: string) => `(SELECT pg_catalog.lo_open('${id}', ${WRITING}) AS descriptor OFFSET 0) AS opened`;

/**
 * Emptied where it exists, for it may be longer than what comes; so it keeps its owner and privileges, as a table does. In
 * a transaction it would stay open, under the number that pg_dump's scripts take for granted to be that of the next one.
 */
const createOrEmpty = (id: string): string => `SELECT CASE WHEN ${exists(id)}
	THEN (SELECT pg_catalog.lo_truncate64(descriptor, 0) + pg_catalog.lo_close(descriptor) >= 0 FROM ${opened(id)})
	ELSE pg_catalog.lo_create('${id}') > 0 END`;

/**
 * Steps into a database that may hold large objects of the same numbers. Rows alone replace their contents. Where
 * definitions are restored as well, one that exists makes its creation fail; should the restore go on nevertheless, it
 * is left as it is, for its contents may be something else's.
 */
export async function* overLargeObjects(
	client: Client,
	steps: AsyncIterable<RestoreStep>,
	replace: boolean,
): AsyncGenerator<RestoreStep> {
	const spared = new Set<string>();
	let open: string | undefined;
	for await (const step of steps) {
		if (step.type === 'batch') {
			const sql = spared.size === 0 ? step.sql : withoutContents(step.sql, spared);
			if (sql !== '') yield { ...step, sql };
			continue;
		}
		if (step.type !== 'statement') {
			yield step;
			continue;
		}
		const [, created] = CREATE.exec(step.text) ?? [];
		if (created !== undefined && replace) {
			yield { ...step, text: createOrEmpty(created) };
			continue;
		}
		if (created !== undefined && (await client.query(`SELECT WHERE ${exists(created)}`)).rowCount === 1)
			spared.add(created);
		const [, opened] = OPEN.exec(step.text) ?? [];
		if (opened !== undefined) open = opened;
		const written = opened !== undefined || WRITE.test(step.text) ? open : undefined;
		if (spared.has(CONCERNS.exec(step.text)?.[1] ?? written ?? '')) continue;
		yield step;
	}
}

/** Whether a statement of a plain script is one of those that put the contents of a large object back. */
export function fillsLargeObject(text: string): boolean {
	return OPEN.test(text) || WRITE.test(text);
}

/** Contents go one statement a line. */
function withoutContents(sql: string, spared: ReadonlySet<string>): string {
	return sql
		.split('\n')
		.filter((line) => !spared.has(PUT.exec(line)?.[1] ?? ''))
		.join('\n')
		.trim();
}
