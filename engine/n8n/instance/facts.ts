/** What a backup has to know of n8n's database: asked of SQLite and PostgreSQL by the same questions, of tables that n8n 1 and 2 have. */
import { z } from 'zod';

import { InstanceCipher } from './cipher';

/** A question to one table, which older versions of n8n may not have. */
export interface FactQuery {
	name: string;
	table: string;
	sql: string;
}

/** Rows by the name of the question; null where there is no such table. */
export type Answers = Record<string, Array<Record<string, unknown>> | null>;

/** Credentials that a key is tried on: one may have been left by another key, long ago. */
const CREDENTIALS = 20;
const MOST_KEYS = 1000;
const MOST_PACKAGES = 1000;
/** Characters of a credential that is tried, at most. */
const CREDENTIAL_LENGTH = 256 * 1024;

/** @param table how a table is written in SQL, by its name without n8n's prefix */
export function factQueries(prefix: string, schema?: string): FactQuery[] {
	const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
	const of = (name: string, sql: (table: string) => string): FactQuery => {
		const table = `${prefix}${name}`;
		return { name, table, sql: sql(schema === undefined ? quoted(table) : `${quoted(schema)}.${quoted(table)}`) };
	};
	return [
		of('migrations', (table) => `SELECT name FROM ${table} ORDER BY "timestamp" DESC, id DESC LIMIT 1`),
		of(
			'installed_packages',
			(table) => `SELECT "packageName", "installedVersion" FROM ${table} ORDER BY "packageName" LIMIT ${MOST_PACKAGES}`,
		),
		of(
			'credentials_entity',
			(table) =>
				`SELECT data FROM ${table} WHERE length(data) <= ${CREDENTIAL_LENGTH} ORDER BY "updatedAt" DESC LIMIT ${CREDENTIALS}`,
		),
		of(
			'deployment_key',
			(table) =>
				`SELECT id, type, algorithm, value FROM ${table} WHERE type = 'data_encryption' AND length(value) <= 4096 LIMIT ${MOST_KEYS}`,
		),
	];
}

const text = z.string();
const rows = {
	migrations: z.array(z.object({ name: text })),
	installed_packages: z.array(z.object({ packageName: text, installedVersion: text })),
	credentials_entity: z.array(z.object({ data: text })),
	deployment_key: z.array(z.object({ id: text, type: text, algorithm: text.nullable(), value: text })),
};

export const factsSchema = z.object({
	lastMigration: text.nullable(),
	/** Community packages with their versions. */
	packages: z.array(z.object({ name: text, version: text })),
	/** What a key is tried on: secrets, though sealed ones. */
	probe: z.object({ credentials: z.array(text), keys: rows.deployment_key }),
});
export type DatabaseFacts = z.infer<typeof factsSchema>;

/** Undefined where the answers are not those of a database of n8n's. */
export function factsIn(answers: Answers): DatabaseFacts | undefined {
	const migrations = rows.migrations.safeParse(answers['migrations']);
	const packages = rows.installed_packages.safeParse(answers['installed_packages'] ?? []);
	const credentials = rows.credentials_entity.safeParse(answers['credentials_entity']);
	const keys = rows.deployment_key.safeParse(answers['deployment_key'] ?? []);
	if (!migrations.success || !packages.success || !credentials.success || !keys.success) return undefined;
	return {
		lastMigration: migrations.data[0]?.name ?? null,
		// PostgreSQL fills the columns up with spaces.
		packages: packages.data.map(({ packageName, installedVersion }) => ({
			name: packageName.trimEnd(),
			version: installedVersion.trimEnd(),
		})),
		probe: { credentials: credentials.data.map(({ data }) => data), keys: keys.data },
	};
}

/** What a key was found to be: `unproven` where there is neither a credential nor a data key to try it on. */
export type KeyVerdict = 'opens' | 'wrong' | 'unproven';

/** Tries a key on what the database holds. */
export function tryKey(key: string, { credentials, keys }: DatabaseFacts['probe']): KeyVerdict {
	const cipher = new InstanceCipher(key, keys);
	if (credentials.length > 0) return credentials.some((data) => cipher.opens(data)) ? 'opens' : 'wrong';
	const { opened, failed } = cipher.tryDataKeys();
	if (opened > 0) return 'opens';
	return failed > 0 ? 'wrong' : 'unproven';
}
