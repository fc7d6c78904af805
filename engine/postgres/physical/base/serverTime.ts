import { BackupError } from '../../../errors';
import { formatLsn, type Lsn } from '../lsn';
import type { WalSender } from '../protocol';

const STATUS = 0x72; // r
const KEEPALIVE = 0x6b; // k
/** PostgreSQL counts microseconds from the year 2000 on. */
const YEAR_2000 = Date.UTC(2000, 0, 1);

/**
 * The time by the server's clock, which a walsender tells in no command but in the keepalives of a stream: one is begun, a keepalive asked
 * for, and the stream ended. The positions that are told to the server are 0, so that nobody takes this for a standby that has WAL.
 * @param lsn where the server has WAL
 * @returns undefined where it does not tell
 * @throws BackupError CANCELLED
 */
export async function serverTime(sender: WalSender, lsn: Lsn, timeline: number): Promise<Date | undefined> {
	try {
		return await askedFor(sender, `START_REPLICATION PHYSICAL ${formatLsn(lsn)} TIMELINE ${timeline}`);
	} catch (error) {
		// What it is for can do without it.
		if (!(error instanceof BackupError) || error.code === 'CANCELLED') throw error;
		return undefined;
	}
}

async function askedFor(sender: WalSender, command: string): Promise<Date | undefined> {
	const stream = await sender.copyBoth(command, 'Could not ask the server for its time');
	const status = Buffer.alloc(34);
	status[0] = STATUS;
	status[33] = 1;
	await stream.send(status);
	let time: Date | undefined;
	for await (const message of stream) {
		if (message[0] !== KEEPALIVE) continue;
		time = new Date(YEAR_2000 + Number(message.readBigInt64BE(9) / 1000n));
		break;
	}
	await stream.finish();
	return time;
}
