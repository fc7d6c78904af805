/** Whether a database of SQLite that came out of an archive is the one that was stored, and opens with the key beside it. */
import type { Manifest } from '../../archive';
import { factQueries, factsIn, tryKey } from './facts';
import type { InstanceContent } from './readInstance';
import { inspectDatabase } from './sqlite/database';

const TOLD = 20;

/**
 * What is wrong with it, as sentences; nothing where all is right.
 * @throws BackupError as inspectDatabase does
 */
export async function problemsOf(
	file: string,
	{ document, config }: InstanceContent,
	{ tables = [] }: Pick<Manifest, 'tables'>,
	signal?: AbortSignal,
): Promise<string[]> {
	const {
		problems,
		tables: found,
		answers,
	} = await inspectDatabase(file, factQueries(document.source.tablePrefix), signal);
	if (problems.length > 0) return problems.map((problem) => `SQLite finds the database damaged: ${problem}.`);
	const rows = new Map(found.map((table) => [table.name, table.rows]));
	const stated = new Set(tables.map(({ name }) => name));
	const wrong = [
		...tables.flatMap((table) => {
			const there = rows.get(table.name);
			if (there === table.rows) return [];
			return [
				there === undefined
					? `The table ${table.name} is missing.`
					: `The table ${table.name} has ${there} rows; ${table.rows} were stored.`,
			];
		}),
		...found.flatMap(({ name }) => (stated.has(name) ? [] : [`The table ${name} was not stored.`])),
	];
	if (wrong.length > 0) return wrong.slice(0, TOLD);
	const facts = factsIn(answers);
	if (!facts) return ['The database does not hold n8n’s tables.'];
	if (facts.lastMigration !== document.source.lastMigration)
		return ['The database is not of the version that was stored.'];
	// n8n installs what its database names.
	if (JSON.stringify(facts.packages) !== JSON.stringify(document.source.packages))
		return ['The database names other community packages than were stored.'];
	return tryKey(config.encryptionKey, facts.probe) === 'wrong'
		? ['The encryption key opens none of the credentials in the database.']
		: [];
}
