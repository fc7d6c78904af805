import type { Client } from 'pg';

const SAVEPOINT = 'n8n_before_statement';

/** Within a transaction: undoes what fails, and nothing else of it. */
export async function withSavepoint(client: Client, run: () => Promise<unknown>): Promise<void> {
	await client.query(`SAVEPOINT ${SAVEPOINT}`);
	try {
		await run();
	} catch (error) {
		// A connection that is gone is told by the error that is on its way.
		await client.query(`ROLLBACK TO SAVEPOINT ${SAVEPOINT}`).catch(() => {});
		throw error;
	} finally {
		await client.query(`RELEASE SAVEPOINT ${SAVEPOINT}`).catch(() => {});
	}
}
