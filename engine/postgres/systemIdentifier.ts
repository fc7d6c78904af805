import type { Client } from 'pg';

/** Functions that a managed service has taken away, and those that a look-alike of PostgreSQL does not have. */
export const NOT_FOR_US: readonly string[] = ['42501', '42883', '0A000', '42P01'];

/**
 * What the server calls itself: a number that initdb made, and that standbys and physical copies share with it. It tells
 * servers apart that are reached by one address. Undefined where it may not be read. Not to be called in a transaction,
 * which a refusal would end.
 */
export async function systemIdentifier(client: Client): Promise<string | undefined> {
	try {
		const { rows } = await client.query<{ system: string }>(
			'SELECT system_identifier::pg_catalog.text AS system FROM pg_catalog.pg_control_system()',
		);
		return rows[0]?.system;
	} catch (error) {
		const { code = '' } = error as { code?: string };
		if (NOT_FOR_US.includes(code)) return undefined;
		throw error;
	}
}
