import type { Client } from 'pg';

import { BackupError } from '../../../errors';
import { quoteIdentifier, quoteLiteral } from '../../quoting';
import { namesOf, type TargetRelation } from '../../relations';
import { tableKey } from '../../statements/tokens';

interface Switch {
	oid: number;
	what: 'TRIGGER' | 'RULE';
	name: string;
	/** As pg_trigger.tgenabled and pg_rewrite.ev_enabled: O (origin), A (always), R (replica). */
	enabled: 'O' | 'A' | 'R';
	/** Made by the server: a partition's copy of a trigger, before version 13. */
	internal: boolean;
}

interface ForeignKey {
	/** The table that it belongs to, in the server's names and as SQL spells it. */
	schema: string;
	relation: string;
	table: string;
	owned: boolean;
	/** Whether the user may make it again. */
	grantable: boolean;
	name: string;
	definition: string;
	comment: string | null;
}

const ENABLE = { O: 'ENABLE', A: 'ENABLE ALWAYS', R: 'ENABLE REPLICA' };

/** What fires when rows come in; where session_replication_role is `replica`, only what is enabled for that. */
const SWITCHES = `SELECT tgrelid AS oid, 'TRIGGER' AS what, tgname::text AS name, tgenabled::text AS enabled, tgisinternal AS internal
	FROM pg_catalog.pg_trigger WHERE tgrelid = ANY ($1::oid[]) AND (NOT tgisinternal OR tgconstraint = 0) AND tgenabled::text = ANY ($2)
	UNION ALL SELECT ev_class, 'RULE', rulename::text, ev_enabled::text, false
	FROM pg_catalog.pg_rewrite WHERE ev_class = ANY ($1::oid[]) AND ev_type = '3' AND ev_enabled::text = ANY ($2)
	ORDER BY 1, 2, 3`;

/**
 * The foreign keys in force among the tables. Of partitions it is the key of the partitioned table, which takes those of the
 * partitions with it when it is dropped and added. Columns that versions before 11 do not have are read by way of JSON.
 */
const FOREIGN_KEYS = `WITH RECURSIVE reached AS (
		SELECT unnest($1::oid[]) AS oid UNION SELECT i.inhparent FROM reached JOIN pg_catalog.pg_inherits i ON i.inhrelid = reached.oid
	), keys AS (
		SELECT k.oid, coalesce((pg_catalog.to_jsonb(k) ->> 'conparentid')::oid, 0) AS parent FROM pg_catalog.pg_constraint k
		WHERE k.contype = 'f' AND k.conrelid = ANY ($1::oid[]) AND k.confrelid IN (SELECT oid FROM reached)
			AND EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgconstraint = k.oid AND t.tgenabled <> 'D')
		UNION SELECT k.oid, (pg_catalog.to_jsonb(k) ->> 'conparentid')::oid FROM keys JOIN pg_catalog.pg_constraint k ON k.oid = keys.parent
	)
	SELECT n.nspname::text AS schema, c.relname::text AS relation, pg_catalog.format('%I.%I', n.nspname, c.relname) AS table,
		pg_catalog.pg_has_role(c.relowner, 'USAGE') AS owned, k.conname::text AS name,
		NOT EXISTS (SELECT FROM unnest(k.confkey) part WHERE NOT pg_catalog.has_column_privilege(k.confrelid, part, 'REFERENCES')) AS grantable,
		pg_catalog.pg_get_constraintdef(k.oid) AS definition, pg_catalog.obj_description(k.oid, 'pg_constraint') AS comment
	FROM pg_catalog.pg_constraint k JOIN keys ON keys.oid = k.oid AND keys.parent = 0
	JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace ORDER BY k.oid`;

/** Tables that are not the user's; a superuser's are all. */
const OTHERS = `SELECT oid FROM pg_catalog.pg_class WHERE oid = ANY ($1::oid[]) AND NOT pg_catalog.pg_has_role(relowner, 'USAGE')`;

/** For the rest of the transaction. */
const EMPTY_PATH = `SELECT pg_catalog.set_config('search_path', '', true)`;

/**
 * The triggers, rules and foreign keys of tables, which must not be in force while rows of a backup come in: these rows have
 * been through triggers and rules already, and they come in any order, so foreign keys hold only in the end. A user who may set
 * session_replication_role disables most of them by that. An owner disables triggers and rules, and drops foreign keys and adds
 * them again, which checks all rows. All of this belongs into one transaction: if anything fails, nothing has happened.
 */
export class TriggersAndKeys {
	private constructor(
		readonly client: Client,
		readonly tables: Map<number, TargetRelation>,
		readonly switches: Switch[],
		readonly keys: ForeignKey[],
		/** Tables that the user does not own. */
		readonly others: ReadonlySet<number>,
	) {}

	/** @param isReplica whether the session has session_replication_role set to replica */
	static async on(client: Client, tables: TargetRelation[], isReplica: boolean): Promise<TriggersAndKeys> {
		const oids = tables.map(({ oid }) => oid);
		const path = await client.query<{ path: string }>(`SELECT pg_catalog.current_setting('search_path') AS path`);
		// So that definitions name every schema. Outside of a transaction that has no effect.
		await client.query(EMPTY_PATH);
		const switches = await client.query<Switch>(SWITCHES, [oids, isReplica ? ['A', 'R'] : ['O', 'A', 'R']]);
		const keys = isReplica ? [] : (await client.query<ForeignKey>(FOREIGN_KEYS, [oids])).rows;
		const others = await client.query<{ oid: number }>(OTHERS, [oids]);
		await client.query(`SELECT pg_catalog.set_config('search_path', $1, true)`, [path.rows[0]?.path]);
		const byOid = new Map(tables.map((table) => [table.oid, table]));
		return new TriggersAndKeys(client, byOid, switches.rows, keys, new Set(others.rows.map(({ oid }) => oid)));
	}

	/** Names of the tables of which the user may not switch something off, for a message; undefined where there are none. */
	get beyondRights(): string | undefined {
		const isBeyond = ({ oid, internal }: Switch) => this.others.has(oid) || internal;
		const tables = new Set(this.switches.filter(isBeyond).flatMap(({ oid }) => this.tables.get(oid)?.key ?? []));
		for (const { schema, relation, owned, grantable } of this.keys)
			if (!owned || !grantable) tables.add(tableKey(schema, relation));
		return tables.size === 0 ? undefined : namesOf([...tables].map((key) => ({ key })));
	}

	/** @throws BackupError ACCESS_DENIED where the user may not do that. */
	checkRights(): void {
		const tables = this.beyondRights;
		if (tables === undefined) return;
		throw new BackupError(
			'ACCESS_DENIED',
			`The user may not keep triggers, rules and foreign keys of ${tables} out of force while rows are loaded; nothing was changed.`,
			{
				hint: 'Use a credential of the owner of these tables and of those that they refer to, or of a superuser; or let a superuser GRANT SET ON PARAMETER session_replication_role to the user (PostgreSQL 15 and later).',
			},
		);
	}

	async disable(): Promise<void> {
		for (const { table, name } of this.keys)
			await this.client.query(`ALTER TABLE ${table} DROP CONSTRAINT ${quoteIdentifier(name)}`);
		for (const { oid, what, name } of this.switches)
			await this.client.query(`ALTER TABLE ONLY ${this.#nameOf(oid)} DISABLE ${what} ${quoteIdentifier(name)}`);
	}

	/** Puts everything back in force as it was. @throws the server's error for a foreign key that the rows violate */
	async enable(): Promise<void> {
		// Deferred constraints are checked now, for a table cannot be altered while they wait.
		await this.client.query('SET CONSTRAINTS ALL IMMEDIATE');
		await this.client.query(EMPTY_PATH);
		for (const { oid, what, name, enabled } of this.switches)
			await this.client.query(
				`ALTER TABLE ONLY ${this.#nameOf(oid)} ${ENABLE[enabled]} ${what} ${quoteIdentifier(name)}`,
			);
		for (const { table, name, definition, comment } of this.keys) {
			await this.client.query(`ALTER TABLE ${table} ADD CONSTRAINT ${quoteIdentifier(name)} ${definition}`);
			if (comment === null) continue;
			await this.client.query(`COMMENT ON CONSTRAINT ${quoteIdentifier(name)} ON ${table} IS ${quoteLiteral(comment)}`);
		}
	}

	#nameOf(oid: number): string {
		return this.tables.get(oid)?.name ?? '';
	}
}
