import type { Client } from 'pg';

import { BackupError } from '../../errors';

import type { OwnerMapping } from './ownership';
import type { SourceFacts } from './source';

/** Extensions that people know by the name of the package they come in. */
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

/**
 * Asks the target for what the source will need, before anything in it is changed.
 * @throws BackupError TARGET_FAILED naming the extensions or the roles that are missing.
 */
export async function checkTarget(
	client: Client,
	facts: SourceFacts,
	owner: OwnerMapping,
	privileges: boolean,
): Promise<void> {
	const extensions = await missing(
		client,
		'SELECT DISTINCT name::text FROM pg_catalog.pg_available_extensions WHERE name = ANY ($1)',
		facts.extensions,
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
	const wanted = owner.type === 'role' ? [owner.role] : owner.type === 'asDumped' || privileges ? facts.roles : [];
	const roles = await missing(
		client,
		'SELECT rolname::text AS name FROM pg_catalog.pg_roles WHERE rolname = ANY ($1)',
		wanted,
	);
	if (roles.length > 0) {
		throw new BackupError(
			'TARGET_FAILED',
			`The target server lacks the role${roles.length > 1 ? 's' : ''} ${roles.join(', ')}; nothing was changed.`,
			{
				hint: 'Restore the roles first (a Globals backup), or set Owner to "Restoring User" and switch Privileges off.',
			},
		);
	}
}
