import type { Lsn } from '../lsn';
import type { ServerMessage } from './messages';

/** At this time, by the server's clock in milliseconds, its log ended here or before, and all of it was stored. */
export interface CaughtUpMoment {
	lsn: Lsn;
	time: number;
}

/**
 * Finds out from a stream at which moments all was stored. A keepalive tells what the server had sent; what was written a moment before it may
 * not have been. When the next keepalive tells the same place, that is certain of the moment of the one before: whatever was written by then
 * would have been sent in between.
 */
export class CaughtUp {
	#before: CaughtUpMoment | undefined;

	/**
	 * Takes a message of the server.
	 * @param storedLsn up to where all is stored
	 * @returns a moment that is certain by it
	 */
	heard({ wal, serverLsn, serverTime }: ServerMessage, storedLsn: Lsn): CaughtUpMoment | undefined {
		const before = this.#before;
		this.#before = wal === undefined && serverLsn === storedLsn ? { lsn: storedLsn, time: serverTime } : undefined;
		return this.#before && before?.lsn === storedLsn ? before : undefined;
	}
}
