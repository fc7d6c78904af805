import { once } from 'node:events';

import { type Client, Query, type QueryArrayConfig } from 'pg';

import { throwIfCancelled } from '../../errors';
import type { CheckContext } from '../../verify/types';
import { translateError } from '../connection';
import { serverMessage } from '../serverMessage';

/** Milliseconds that one assertion may take. */
const TIMEOUT = 5 * 60 * 1000;

/** Milliseconds that a server gets in addition to stop the assertion by itself. After that the connection is destroyed. */
const GRACE = 10_000;

/** SQLSTATE query_canceled. */
const CANCELLED_BY_TIME = '57014';

/** How many characters of an assertion a finding quotes. */
const SHOWN = 120;

/** Begins the transaction of an assertion. It changes no search_path, so names mean what they mean to the users of the database. */
const BEGIN = [
	'BEGIN READ ONLY',
	`SET LOCAL statement_timeout = ${TIMEOUT}`,
	`SET LOCAL lock_timeout = ${TIMEOUT}`,
] as const;

/**
 * Runs the user's assertions in a restored database, read-only. Each must give one row whose first column is true. Those that
 * do not are reported as errors, by number and text, never with the data.
 * @returns how many there were
 * @param client in the session settings of the database, in no transaction
 * @throws BackupError TARGET_UNREACHABLE, TARGET_FAILED (the connection was lost), CANCELLED
 */
export async function runAssertions(
	client: Client,
	assertions: readonly string[],
	{ signal, found }: CheckContext,
): Promise<number> {
	for (const [index, sql] of assertions.entries()) {
		throwIfCancelled(signal);
		const failure = await failureOf(client, sql, signal);
		if (failure === undefined) continue;
		found({
			severity: 'error',
			message: `Assertion ${index + 1} (${shown(sql)}) ${failure}.`,
			hint: 'Run it in the source: where it is true there, the backup lacks something.',
		});
	}
	return assertions.length;
}

/** What is wrong, as the end of a sentence that begins with the assertion; undefined where it holds. */
async function failureOf(client: Client, sql: string, signal?: AbortSignal): Promise<string | undefined> {
	// A server in this process has no clock to stop a statement by.
	const silence = new Error('the assertion did not end in time');
	const timer = setTimeout(() => client.connection.stream.destroy(silence), TIMEOUT + GRACE);
	try {
		for (const statement of BEGIN) await client.query(statement);
		const { rows, first } = await answerTo(client, sql);
		if (rows !== 1) return `gives ${rows} rows instead of one`;
		const [value] = first;
		if (value === true) return undefined;
		if (value === false) return 'is false';
		return value === null ? 'gives NULL instead of true' : 'gives something that is neither true nor false';
	} catch (error) {
		throwIfCancelled(signal);
		const { severity, code = '' } = error as { severity?: string; code?: string };
		if (severity !== 'ERROR') throw translateError(error, 'target', 'Could not run an assertion');
		if (code === CANCELLED_BY_TIME) return `did not end within ${TIMEOUT / 60_000} minutes`;
		// The message of an error that a user's function raises may hold rows. Class 42, syntax and names, does not.
		return code.startsWith('42') ? `fails: ${serverMessage(error)}` : `fails with SQLSTATE ${code}`;
	} finally {
		clearTimeout(timer);
		// Where the connection is lost, the next query fails and reports it.
		await client.query('ROLLBACK').catch(() => {});
	}
}

/** Counts the rows that a query gives and keeps only the first one, because there may be as many as in the largest table. */
async function answerTo(client: Client, sql: string): Promise<{ rows: number; first: unknown[] }> {
	const answer: { rows: number; first: unknown[] } = { rows: 0, first: [] };
	const query = new Query<unknown[]>(single(sql));
	query.on('row', (row) => {
		if (answer.rows++ === 0) answer.first = row;
	});
	client.query(query);
	await once(query, 'end');
	return answer;
}

/** Uses the extended protocol, which takes a single statement, so that no assertion can end the transaction and go on after it. */
function single(text: string): QueryArrayConfig {
	const config: QueryArrayConfig & { queryMode: 'extended' } = { text, rowMode: 'array', queryMode: 'extended' };
	return config;
}

function shown(sql: string): string {
	const text = sql.trim().replace(/\s+/g, ' ');
	return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
