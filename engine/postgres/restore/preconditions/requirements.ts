import type { Client } from 'pg';

import { BackupError } from '../../../errors';
import type { RoleKind } from '../../statements/facts';
import type { RestoreDatabaseOptions } from '../options';
import type { SourceFacts } from '../source';

/** How to install extensions that people know by the name of a package. */
const PACKAGES: Record<string, string> = {
	vector: 'pgvector: use an image that has it (pgvector/pgvector), or install the package postgresql-NN-pgvector',
	postgis: 'PostGIS: use an image that has it (postgis/postgis), or install the package postgresql-NN-postgis-3',
	timescaledb: 'TimescaleDB: use an image that has it (timescale/timescaledb)',
};

async function missing(client: Client, sql: string, names: string[]): Promise<string[]> {
	if (names.length === 0) return [];
	const { rows } = await client.query<{ name: string }>(sql, [names]);
	const found = new Set(rows.map(({ name }) => name));
	return names.filter((name) => !found.has(name));
}

/** The roles among the names that the server does not have. */
export async function missingRoles(client: Client, names: string[]): Promise<string[]> {
	const sql = 'SELECT rolname::text AS name FROM pg_catalog.pg_roles WHERE rolname = ANY ($1)';
	return await missing(client, sql, names);
}

/**
 * Makes sure that the target server has the extensions and roles that the source needs.
 * @throws BackupError TARGET_FAILED naming the extensions or the roles that are missing.
 */
export async function checkRequirements(
	client: Client,
	facts: SourceFacts,
	{
		owner = { type: 'asDumped' },
		privileges = true,
		selection = {},
	}: Pick<RestoreDatabaseOptions, 'owner' | 'privileges' | 'selection'>,
): Promise<void> {
	const extensions = await missing(
		client,
		'SELECT DISTINCT name::text FROM pg_catalog.pg_available_extensions WHERE name = ANY ($1)',
		selection.dataOnly ? [] : facts.extensions,
	);
	if (extensions.length > 0) {
		throw new BackupError(
			'TARGET_FAILED',
			`The target server lacks the extension${extensions.length > 1 ? 's' : ''} ${extensions.join(', ')}; nothing was changed.`,
			{
				hint: `Install there: ${extensions.map((name) => PACKAGES[name] ?? name).join('; ')}.`,
			},
		);
	}
	const kinds: RoleKind[] = [
		...(owner.type === 'asDumped' ? (['owner', 'session'] as const) : []),
		...(privileges ? (['privilege', 'named'] as const) : []),
	];
	const wanted = [...(owner.type === 'role' ? [owner.role] : []), ...facts.roles(selection, kinds)];
	const roles = await missingRoles(client, wanted);
	if (roles.length > 0) {
		throw new BackupError(
			'TARGET_FAILED',
			`The target server lacks the role${roles.length > 1 ? 's' : ''} ${roles.join(', ')}; nothing was changed.`,
			{
				hint: 'Restore the roles first (a backup of roles and globals), or set Owner to Restoring User and switch Include Privileges off.',
			},
		);
	}
}
