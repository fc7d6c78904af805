import type { Client } from 'pg';

import { ask } from '../../preflight/queries';

/** What checks of physical backups go by. */
export interface PhysicalView {
	/** The user as SQL spells it, and as pg_hba.conf does. */
	user: string;
	hasReplication: boolean;
	isSuper: boolean;
	/** server_version_num */
	version: number;
	isStandby: boolean;
	walLevel: string;
	maxSenders: number;
	usedSenders: number;
	maxSlots: number;
	usedSlots: number;
	/** MB that a slot may keep; -1 for no limit, undefined before 13. */
	maxKeptMb: number | undefined;
	/** Undefined before 17. */
	summarizesWal: boolean | undefined;
	hasChecksums: boolean;
	tablespaces: number;
	/** Of all databases that the user may ask for their size. */
	bytes: number;
	/** From where n8n comes, as the server sees it; undefined for a socket. */
	clientAddress: string | undefined;
	/** Roles that only managed services have. */
	managedRoles: string[];
}

/** Roles that managed services make, and what each service is called. */
export const MANAGED: Readonly<Record<string, string>> = {
	rds_superuser: 'Amazon RDS or Aurora',
	cloudsqlsuperuser: 'Google Cloud SQL',
	alloydbsuperuser: 'Google AlloyDB',
	azure_pg_admin: 'Azure Database for PostgreSQL',
	neon_superuser: 'Neon',
	supabase_admin: 'Supabase',
	tsdbadmin: 'Tiger Cloud',
	doadmin: 'DigitalOcean',
	avnadmin: 'Aiven',
};

/** @throws BackupError as `ask` does */
export async function viewPhysical(client: Client): Promise<PhysicalView> {
	const [row] = await ask<Record<string, unknown>>(
		client,
		'the settings of replication',
		`SELECT pg_catalog.quote_ident(current_user) AS user, r.rolreplication OR r.rolsuper AS "hasReplication",
			r.rolsuper AS "isSuper", pg_catalog.current_setting('server_version_num')::int AS version,
			pg_catalog.pg_is_in_recovery() AS "isStandby", pg_catalog.current_setting('wal_level') AS "walLevel",
			pg_catalog.current_setting('max_wal_senders')::int AS "maxSenders",
			(SELECT count(*)::int FROM pg_catalog.pg_stat_activity WHERE backend_type = 'walsender') AS "usedSenders",
			pg_catalog.current_setting('max_replication_slots')::int AS "maxSlots",
			(SELECT count(*)::int FROM pg_catalog.pg_replication_slots) AS "usedSlots",
			(SELECT setting::int FROM pg_catalog.pg_settings WHERE name = 'max_slot_wal_keep_size') AS "maxKeptMb",
			(SELECT setting = 'on' FROM pg_catalog.pg_settings WHERE name = 'summarize_wal') AS "summarizesWal",
			pg_catalog.current_setting('data_checksums') = 'on' AS "hasChecksums",
			(SELECT count(*)::int FROM pg_catalog.pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global')) AS tablespaces,
			(SELECT coalesce(sum(pg_catalog.pg_database_size(oid)), 0)::text FROM pg_catalog.pg_database
				WHERE pg_catalog.has_database_privilege(oid, 'CONNECT')) AS bytes,
			pg_catalog.host(pg_catalog.inet_client_addr()) AS "clientAddress",
			ARRAY(SELECT rolname::text FROM pg_catalog.pg_roles WHERE rolname = ANY ($1) ORDER BY 1) AS "managedRoles"
		FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`.replace(
			'$1',
			`'{${Object.keys(MANAGED).join(',')}}'::pg_catalog.text[]`,
		),
	);
	const view = row as NonNullable<typeof row>;
	return {
		...(view as unknown as PhysicalView),
		bytes: Number(view['bytes']),
		maxKeptMb: (view['maxKeptMb'] as number | null) ?? undefined,
		summarizesWal: (view['summarizesWal'] as boolean | null) ?? undefined,
		clientAddress: (view['clientAddress'] as string | null) ?? undefined,
	};
}

/** A slot of the server's. */
export interface SlotView {
	isPhysical: boolean;
	isActive: boolean;
	/** `reserved`, `extended`, `unreserved`, `lost`; undefined before 13. */
	walStatus: string | undefined;
	/** Bytes of WAL that it keeps; undefined where it keeps none. */
	keptBytes: number | undefined;
}

/** @returns undefined where there is no such slot */
export async function viewSlot(
	client: Client,
	slot: string,
	{ version, isStandby }: PhysicalView,
): Promise<SlotView | undefined> {
	const position = isStandby ? 'pg_catalog.pg_last_wal_receive_lsn()' : 'pg_catalog.pg_current_wal_lsn()';
	const [row] = await ask<{ physical: boolean; active: boolean; status: string | null; kept: string | null }>(
		client,
		'the replication slot',
		`SELECT slot_type = 'physical' AS physical, active, ${version >= 130_000 ? 'wal_status' : 'NULL'} AS status,
			pg_catalog.pg_wal_lsn_diff(${position}, restart_lsn)::text AS kept
		FROM pg_catalog.pg_replication_slots WHERE slot_name = '${slot}'`,
	);
	if (!row) return undefined;
	return {
		isPhysical: row.physical,
		isActive: row.active,
		walStatus: row.status ?? undefined,
		keptBytes: row.kept === null ? undefined : Number(row.kept),
	};
}
