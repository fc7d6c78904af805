/** What is sent while WAL is streamed, in both directions. Source: PostgreSQL documentation, "Streaming Replication Protocol". */
import type { Lsn } from '../lsn';

const WAL_DATA = 0x77; // w
const KEEPALIVE = 0x6b; // k
const STATUS = 0x72; // r

/** Milliseconds from 1970 to 2000, with which PostgreSQL's times begin. */
const EPOCH_2000 = 946_684_800_000;

/** A message of the server. */
export interface ServerMessage {
	/** How far the server's log has come. */
	serverLsn: Lsn;
	/** Milliseconds since 1970, by its clock. */
	serverTime: number;
	/** WAL, and where it begins; its bytes stay as they are until the next message is asked for. Undefined for a sign of life. */
	wal: { startLsn: Lsn; bytes: Buffer } | undefined;
	/** Whether it wants to hear of us at once. */
	wantsReply: boolean;
}

/** Reads a message; undefined for one of a sort that is not known, which may be passed over. */
export function parseServerMessage(body: Buffer): ServerMessage | undefined {
	if (body[0] === WAL_DATA && body.length >= 25) {
		return {
			serverLsn: body.readBigUInt64BE(9),
			serverTime: timeAt(body, 17),
			wal: { startLsn: body.readBigUInt64BE(1), bytes: body.subarray(25) },
			wantsReply: false,
		};
	}
	if (body[0] === KEEPALIVE && body.length >= 18) {
		return {
			serverLsn: body.readBigUInt64BE(1),
			serverTime: timeAt(body, 9),
			wal: undefined,
			wantsReply: body[17] === 1,
		};
	}
	return undefined;
}

function timeAt(body: Buffer, offset: number): number {
	return Number(body.readBigInt64BE(offset) / 1000n) + EPOCH_2000;
}

/**
 * Tells the server how far we are. It keeps all WAL from `storedLsn` on.
 * @param receivedLsn what came
 * @param storedLsn what is durable in the storage, and covered by a manifest; 0 says nothing about it
 * @param wantsReply whether the server is to say at once how far it is, and what time it is there: one that writes nothing is silent otherwise
 */
export function statusMessage(receivedLsn: Lsn, storedLsn: Lsn, now: number, wantsReply = false): Buffer {
	const message = Buffer.alloc(34);
	message[0] = STATUS;
	message.writeBigUInt64BE(receivedLsn, 1);
	message.writeBigUInt64BE(storedLsn, 9);
	// What is applied: nothing is, here. 0 says so.
	message.writeBigInt64BE(BigInt(now - EPOCH_2000) * 1000n, 25);
	if (wantsReply) message[33] = 1;
	return message;
}
