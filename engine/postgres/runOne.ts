import { type Client, type ClientBase, type Connection, Query, type Submittable } from 'pg';

import { HEADER_LENGTH, protocolViolation } from './protocol';

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

/** Bind to the nameless portal without parameters, and Execute it: see "Message Formats" in PostgreSQL's documentation. */
const BIND = Buffer.from([0x42, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0]);
const EXECUTE = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0]);
const SYNC = Buffer.from([0x53, 0, 0, 0, 4]);

/** Parse of the nameless statement, without types of parameters. */
function parseMessage(text: string): Buffer {
	const message = Buffer.alloc(HEADER_LENGTH + 1 + Buffer.byteLength(text) + 1 + 2);
	message[0] = 0x50;
	message.writeInt32BE(message.length - 1, 1);
	message.write(text, HEADER_LENGTH + 1);
	return message;
}

/** What `pg` calls as the answers to its active query arrive: see Client in pg/lib/client.js. */
class Together implements Submittable {
	#completed = 0;

	constructor(
		readonly texts: readonly string[],
		readonly settle: (error?: unknown) => void,
	) {}

	submit(connection: Connection): void {
		const messages = this.texts.flatMap((text) => [parseMessage(text), BIND, EXECUTE]);
		connection.stream.write(Buffer.concat([...messages, SYNC]));
	}

	handleCommandComplete(): void {
		this.#completed++;
	}

	handleReadyForQuery(): void {
		if (this.#completed === this.texts.length) this.settle();
		else this.settle(protocolViolation('fewer answers than statements'));
	}

	handleError(error: unknown): void {
		this.settle(error);
	}

	handleCopyInResponse(connection: Connection & { sendCopyFail: (reason: string) => void }): void {
		connection.sendCopyFail('There are no rows.');
	}

	handleRowDescription(): void {}

	handleDataRow(): void {}

	handlePortalSuspended(): void {}

	handleEmptyQuery(): void {}

	handleCopyData(): void {}
}

/**
 * Runs statements in one go, which is one round trip and one commit: until it comes to the Sync message at their end, the
 * server runs all of them in one transaction, unless one is open already. So either all are carried out or none is. Each is
 * a message of the extended protocol of its own, which the server refuses where it holds several statements.
 * @param texts None may be a statement that the server refuses to run in a transaction, or that ends one.
 * @throws the server's error for the first one that failed, after which nothing of all of them was done
 */
export async function runTogether(client: ClientBase, texts: readonly string[]): Promise<void> {
	await new Promise<void>((resolve, reject) => {
		client.query(new Together(texts, (error) => (error === undefined ? resolve() : reject(error as Error))));
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
