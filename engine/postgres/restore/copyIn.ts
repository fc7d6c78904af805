import { pipeline } from 'node:stream/promises';

import type { Client } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

import type { RestoreStep } from './source';

/** Loads the rows of a COPY FROM STDIN. Resolves with their number, as the server says. */
export async function copyIn(
	client: Client,
	{ statement, rows }: Extract<RestoreStep, { type: 'copy' }>,
): Promise<number> {
	const target = client.query(copyFrom(statement));
	await pipeline(Buffer.isBuffer(rows) ? [rows] : rows, target);
	return target.rowCount ?? 0;
}
