/**
 * Copies and looks into an SQLite database, in a process of its own.
 *
 * Of its own, because n8n has SQLite in its process already, as another library. Locks on files belong to a process (fcntl(2)), so two libraries
 * in one do not see each other's: the copy could be read while n8n writes over it. And when one of them closes the file, all locks of the
 * process on it are gone, those of n8n's transactions as well (https://www.sqlite.org/howtocorrupt.html, 2.2). A database that came from a
 * storage may also be made to crash whoever reads it: then this process ends, and not n8n.
 *
 * The job is the only argument, as JSON; the answer is JSON on the standard output. It imports nothing of ours, so that it can be loaded both
 * compiled and, by the tests, as TypeScript.
 */
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';

interface Job {
	/** The database to look into; with `source`, where the copy goes, which must not exist. */
	file: string;
	/** The database to copy: in one read transaction, while others may write. */
	source?: string;
	/** Of tables that are there. */
	queries: Array<{ name: string; table: string; sql: string }>;
}

const job = JSON.parse(process.argv[2] as string) as Job;

/** Milliseconds: a writer that does not use a write-ahead log may hold the database for a moment. */
const PATIENCE = 30_000;
const MOST_PROBLEMS = 20;

function open(file: string | URL): DatabaseSync {
	return new DatabaseSync(file, { readOnly: true, allowExtension: false, timeout: PATIENCE });
}

/** Of a file that nobody writes to: without locks, and without the files that SQLite puts beside one whose header asks for a write-ahead log. */
function still(file: string): URL {
	const url = pathToFileURL(file);
	url.searchParams.set('immutable', '1');
	return url;
}

function quoted(name: string): string {
	return `"${name.replaceAll('"', '""')}"`;
}

function copy(source: string, file: string): void {
	const database = open(source);
	// Unlike the online backup, it does not begin anew when others write, and its result has no unused pages.
	database.prepare('VACUUM INTO ?').run(file);
	database.close();
}

/**
 * Reads all of it. What was found damaged is not read further: pages that refer to each other again and again would be read for ever.
 */
function inspect(file: string) {
	const database = open(still(file));
	// No view, trigger or default of the database calls what has effects outside of it.
	database.exec('PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON');
	const problems = database
		.prepare(`PRAGMA integrity_check(${MOST_PROBLEMS})`)
		.all()
		.map((row) => String(Object.values(row)[0]));
	if (problems.join() !== 'ok') return { problems, tables: [], answers: {} };
	// Without virtual tables, which n8n has none of: modules would read what somebody may have made up for them.
	const names = database
		.prepare(
			`SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'shadow') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name`,
		)
		.all()
		.map(({ name }) => String(name));
	const tables = names.map((name) => {
		const row = database.prepare(`SELECT count(*) AS rows FROM main.${quoted(name)}`).get();
		return { name, rows: Number(row?.['rows']) };
	});
	const answers = Object.fromEntries(
		job.queries.map(({ name, table, sql }) => [name, names.includes(table) ? database.prepare(sql).all() : null]),
	);
	database.close();
	return { problems: [], tables, answers };
}

try {
	if (job.source !== undefined) copy(job.source, job.file);
	process.stdout.write(JSON.stringify({ found: inspect(job.file) }));
} catch (error) {
	process.stdout.write(
		JSON.stringify({ error: (error as Error).message, code: (error as { errcode?: number }).errcode }),
	);
}
