import { pipeline } from 'node:stream/promises';

import type { Client } from 'pg';
import { type CopyStreamQuery, from as copyFrom } from 'pg-copy-streams';

import { BackupError } from '../../../errors';
import type { RestoreStep } from '../source';

/**
 * Loads the rows of a COPY FROM STDIN. Resolves with their number, as the server says.
 * @throws BackupError TARGET_FAILED where the server does not ask for the rows; the server's error
 */
export async function copyIn(
	client: Client,
	{ statement, rows }: Pick<Extract<RestoreStep, { type: 'copy' }>, 'rows' | 'statement'>,
): Promise<number> {
	const target = client.query(failingUnasked(copyFrom(statement)));
	await pipeline(Buffer.isBuffer(rows) ? [rows] : rows, target);
	return target.rowCount ?? 0;
}

/** What `pg` calls as the server's messages arrive: see Client in pg/lib/client.js. */
interface AnswerHandlers {
	cb_ReadyForQuery?: () => void;
	handleCopyInResponse: (connection: unknown) => void;
	handleReadyForQuery: () => void;
	handleError: (error: Error) => void;
	handleRowDescription: () => void;
	handleDataRow: () => void;
	handleEmptyQuery: () => void;
	handlePortalSuspended: () => void;
	handleCopyData: () => void;
}

/**
 * pg-copy-streams expects that the server asks for rows, or refuses. With any other answer it would wait without an end, or
 * throw in the listener of a socket, where nobody can catch it. So other messages are ignored, and the stream fails where the
 * answer ends before the server has asked for rows.
 */
function failingUnasked(copy: CopyStreamQuery): CopyStreamQuery {
	const handlers = copy as unknown as AnswerHandlers;
	const { handleCopyInResponse, handleReadyForQuery } = handlers;
	let asked = false;
	handlers.handleCopyInResponse = (connection) => {
		asked = true;
		handleCopyInResponse.call(copy, connection);
	};
	handlers.handleReadyForQuery = () => {
		// The callback is set once all rows have been handed over.
		if (asked && handlers.cb_ReadyForQuery) handleReadyForQuery.call(copy);
		else handlers.handleError(unasked());
	};
	const passOver = () => {};
	handlers.handleRowDescription = passOver;
	handlers.handleDataRow = passOver;
	handlers.handleEmptyQuery = passOver;
	handlers.handlePortalSuspended = passOver;
	handlers.handleCopyData = passOver;
	return copy;
}

function unasked(): BackupError {
	return new BackupError('TARGET_FAILED', 'The server answered a COPY FROM STDIN without taking its rows.', {
		hint: 'Something between n8n and the server answers in its place (a proxy, a pooler), or the archive was forged.',
	});
}
