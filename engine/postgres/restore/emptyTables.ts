import type { Client } from 'pg';

import { BackupError } from '../../errors';
import { translateError } from '../connection';
import { quoteIdentifier } from '../quoting';

import { type RestoreSelection, SelectionFilter } from './selection';
import type { SourceFacts } from './source';

/** SQLSTATE dependent_objects_still_exist: another object needs the one that is to be dropped. */
const NEEDED = '2BP01';

/** SQLSTATE of TRUNCATE where a table that stays refers to one that is emptied. */
const REFERRED_TO = '0A000';

interface Relation {
	/** As SQL spells it. */
	name: string;
	/** `relkind` of pg_class. */
	kind: string;
}

const VERBS: Record<string, string> = {
	r: 'TABLE',
	p: 'TABLE',
	f: 'FOREIGN TABLE',
	S: 'SEQUENCE',
	v: 'VIEW',
	m: 'MATERIALIZED VIEW',
};

/** Those of the chosen tables, views and sequences that the database has, as what it has them. */
async function present(client: Client, keys: string[]): Promise<Relation[]> {
	const names = keys.map((key) => key.split('\0'));
	const { rows } = await client.query<{ schema: string; name: string; kind: string }>(
		`SELECT n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind FROM pg_catalog.pg_class c
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		JOIN unnest($1::text[], $2::text[]) AS wanted (schema, name) ON wanted.schema = n.nspname::text AND wanted.name = c.relname::text
		WHERE c.relkind = ANY ($3) ORDER BY c.oid`,
		[names.map(([schema]) => schema), names.map(([, name]) => name), Object.keys(VERBS)],
	);
	return rows.map(({ schema, name, kind }) => ({
		name: `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`,
		kind,
	}));
}

/** Only what the source itself holds: a list in a manifest alone empties nothing. */
async function chosen(client: Client, facts: SourceFacts, selection: RestoreSelection): Promise<Relation[]> {
	const filter = facts.filter(selection);
	const held = new Set([...facts.relations, ...(facts.filled ?? facts.expectedRows?.keys() ?? [])]);
	return await present(
		client,
		[...held].filter((key) => filter.wantsTable(key)),
	);
}

function failureOf(how: 'drop' | 'empty', error: unknown): BackupError {
	const failure = translateError(error, 'target', `Could not ${how} the tables; nothing was changed`);
	if (![NEEDED, REFERRED_TO].includes((error as { code?: string }).code ?? '')) return failure;
	return new BackupError(failure.code, failure.message, {
		hint: 'Something outside of the selection needs one of them: select that as well, or drop it first.',
		cause: failure.cause,
	});
}

/** Drops a view, unless something still needs it; that may be another view, to be dropped before. */
async function dropUnneeded(client: Client, { name, kind }: Relation): Promise<unknown> {
	await client.query('SAVEPOINT n8n_before_view');
	try {
		await client.query(`DROP ${VERBS[kind]} ${name}`);
	} catch (error) {
		if ((error as { code?: string }).code !== NEEDED) throw error;
		await client.query('ROLLBACK TO SAVEPOINT n8n_before_view');
		return error;
	}
	await client.query('RELEASE SAVEPOINT n8n_before_view');
	return undefined;
}

/** Views stand on views: whatever nothing needs any more goes, round by round. Youngest first, so one is mostly enough. */
async function dropViews(client: Client, views: Relation[]): Promise<void> {
	for (let left = [...views].reverse(); left.length > 0;) {
		const needed: Array<{ view: Relation; error: unknown }> = [];
		for (const view of left) {
			const error = await dropUnneeded(client, view);
			if (error !== undefined) needed.push({ view, error });
		}
		if (needed.length === left.length) throw needed[0]?.error;
		left = needed.map(({ view }) => view);
	}
}

/**
 * Drops the chosen tables, views and sequences of a database, each as what it is and without CASCADE, so that nothing
 * outside of the choice goes with them. Belongs into a transaction: what fails must take back all of it.
 * @throws BackupError TARGET_FAILED naming what else depends on one of them.
 */
export async function dropRelations(client: Client, facts: SourceFacts, selection: RestoreSelection): Promise<void> {
	const relations = await chosen(client, facts, selection);
	const drop = async (what: string, kinds: string) => {
		const names = relations.filter(({ kind }) => kinds.includes(kind)).map(({ name }) => name);
		if (names.length > 0) await client.query(`DROP ${what} ${names.join(', ')}`);
	};
	try {
		await dropViews(
			client,
			relations.filter(({ kind }) => 'vm'.includes(kind)),
		);
		await drop('FOREIGN TABLE', 'f');
		await drop('TABLE', 'rp');
		// Those that a table owned are gone with it.
		await drop('SEQUENCE IF EXISTS', 'S');
	} catch (error) {
		throw failureOf('drop', error);
	}
}

/**
 * Empties the chosen tables in one statement. Foreign tables keep what they show: it is not in this database.
 * @throws BackupError TARGET_FAILED where a table outside of the choice refers to one of them.
 */
export async function truncateTables(client: Client, facts: SourceFacts, selection: RestoreSelection): Promise<void> {
	const relations = await chosen(client, facts, selection);
	const tables = relations.filter(({ kind }) => 'rp'.includes(kind)).map(({ name }) => name);
	if (tables.length === 0) return;
	await client.query(`TRUNCATE TABLE ${tables.join(', ')}`).catch((error: unknown) => {
		throw failureOf('empty', error);
	});
}

/** @throws BackupError INVALID_INPUT when all of a database would be dropped. */
export function checkDrop(selection: RestoreSelection): void {
	if (!new SelectionFilter(selection).all) return;
	throw new BackupError(
		'INVALID_INPUT',
		'Dropping tables first needs a choice of tables or schemas; nothing was changed.',
		{
			hint: 'To replace a whole database, restore with Safe Swap.',
		},
	);
}
