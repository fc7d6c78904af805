import { type Client, type ClientBase, Query } from 'pg';

/** What a statement has done. */
export interface Ran {
	/** Rows that it brought, changed or gave; null where it has none. */
	rowCount: number | null;
}

/**
 * Runs one statement, and never two: by the extended protocol, in which the server refuses a text of several. What readers
 * of SQL of ours take for one statement may be several to a server that reads quotes otherwise. Rows that it gives are
 * dropped as they come.
 */
export async function runOne(client: ClientBase, text: string): Promise<Ran> {
	const query = new Query({ text, queryMode: 'extended' } as { text: string });
	return await new Promise<Ran>((resolve, reject) => {
		query.on('row', () => {});
		query.on('error', reject);
		query.on('end', (result) => resolve(result));
		client.query(query);
	});
}

const SAVEPOINT = 'n8n_before_statement';

/** Runs something within a transaction so that, where it fails, nothing else of the transaction is undone. */
export async function withSavepoint(client: Client, run: () => Promise<unknown>): Promise<void> {
	await client.query(`SAVEPOINT ${SAVEPOINT}`);
	try {
		await run();
	} catch (error) {
		// A lost connection is reported by the error that is thrown.
		await client.query(`ROLLBACK TO SAVEPOINT ${SAVEPOINT}`).catch(() => {});
		throw error;
	} finally {
		await client.query(`RELEASE SAVEPOINT ${SAVEPOINT}`).catch(() => {});
	}
}
