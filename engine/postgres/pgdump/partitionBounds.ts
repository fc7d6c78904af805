/**
 * The bounds of partitions, asked for once. pg_dump (dumpTableAttach in its source) prepares a query for them, and executes it
 * for each partition by itself: with a thousand of them, handing each question to another thread and on to the server took a
 * quarter of a dump's time. So the bounds of all are asked for when the query is prepared, over the same connection, and
 * pg_dump's own thread answers.
 */
import { encodeQuery, MessageType, splitMessages } from '../protocol';

import { completed, rowOf, textColumns } from './answers';

/** pg_dump's query. One of another wording is not known, and each of its executions goes to the server. */
export const PREPARE_BOUNDS =
	'PREPARE dumpTableAttach(pg_catalog.oid) AS\nSELECT pg_get_expr(c.relpartbound, c.oid) FROM pg_class c WHERE c.oid = $1';

/**
 * The same for all partitions that pg_dump has locked: newer servers lock what they tell the bounds of, and to wait for any other
 * table could take for ever. The savepoint is for servers on which one may not look at the locks.
 */
export const ALL_BOUNDS = `SAVEPOINT before_bounds;
	SELECT c.oid, pg_catalog.pg_get_expr(c.relpartbound, c.oid) FROM pg_catalog.pg_class c WHERE c.relispartition AND c.oid IN (
		SELECT relation FROM pg_catalog.pg_locks WHERE locktype = 'relation' AND granted AND pid = pg_catalog.pg_backend_pid());
	RELEASE SAVEPOINT before_bounds`;
export const WITHOUT_BOUNDS = 'ROLLBACK TO SAVEPOINT before_bounds';

const EXECUTE = "EXECUTE dumpTableAttach('";
const NUMBER = /^EXECUTE dumpTableAttach\('(\d+)'\)$/;

/** True for an answer that holds an error. */
export function hasFailed(answer: Buffer): boolean {
	return splitMessages(answer).messages.some(({ type }) => type === MessageType.errorResponse);
}

/** What pg_dump's thread knows of the bounds. */
export class PartitionBounds {
	readonly #bounds = new Map<string, Uint8Array>();
	readonly #columns = textColumns(['pg_get_expr']);

	/** Takes the server's answer to ALL_BOUNDS. */
	learn(answer: Buffer): void {
		for (const { type, body } of splitMessages(answer).messages) {
			if (type !== MessageType.dataRow) continue;
			// Int16 count of values, then of each Int32 length, -1 for NULL, and its bytes.
			const numberEnds = 6 + body.readInt32BE(2);
			if (body.readInt32BE(numberEnds) < 0) continue;
			this.#bounds.set(body.toString('latin1', 6, numberEnds), body.subarray(numberEnds + 4));
		}
	}

	/** The answer to a message of pg_dump's; undefined for all but a question for bounds that are known. */
	answer(message: Buffer): Buffer | undefined {
		if (this.#bounds.size === 0 || message.indexOf(EXECUTE, 5, 'latin1') !== 5) return undefined;
		const [, number = ''] = NUMBER.exec(message.toString('latin1', 5, message.length - 1)) ?? [];
		const bounds = this.#bounds.get(number);
		// One message and nothing after it.
		if (!bounds || !message.equals(encodeQuery(Buffer.from(`${EXECUTE}${number}')`)))) return undefined;
		return Buffer.concat([this.#columns, rowOf([bounds]), completed('SELECT 1')]);
	}
}
