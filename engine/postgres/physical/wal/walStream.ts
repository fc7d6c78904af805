/**
 * The WAL of a server from a place on, over its slot. Messages are read when they are asked for, so a slow storage makes the server wait.
 * Meanwhile the server hears of us every ten seconds, whatever else is going on: it ends a connection of which it hears nothing for
 * wal_sender_timeout, a minute by default. It hears only of what is stored: what it may remove is never more than that.
 */
import { BackupError } from '../../../errors';
import { formatLsn, parseLsn, type Lsn } from '../lsn';
import { textIn, type CopyBoth, type WalSender } from '../protocol';
import { parseServerMessage, statusMessage, type ServerMessage } from './messages';

const STATUS_INTERVAL_MS = 10_000;

/** Where to begin. */
export interface StreamStart {
	slot: string;
	timeline: number;
	/** The beginning of a segment. */
	startLsn: Lsn;
	/** What is stored already. */
	storedLsn: Lsn;
}

/** Where a timeline goes on as another one. */
export interface NextTimeline {
	timeline: number;
	/** The last one ends, and the next one begins, here. */
	switchLsn: Lsn;
}

/** What comes next. `quiet`: nothing came in the time given. `ended`: the server has sent all of this timeline. */
export type StreamEvent = { type: 'message'; message: ServerMessage } | { type: 'quiet' } | { type: 'ended' };

export class WalStream {
	readonly #copy: CopyBoth;
	readonly #timer: NodeJS.Timeout;
	#next: Promise<Buffer | undefined> | undefined;
	#receivedLsn: Lsn;
	#storedLsn: Lsn;
	/** Status messages go out one after the other. */
	#sending: Promise<void> = Promise.resolve();
	/** How far the server's log had come when it was last heard of, and when. */
	serverLsn: Lsn;
	serverTime: number | undefined;

	private constructor(copy: CopyBoth, { startLsn, storedLsn }: StreamStart) {
		this.#copy = copy;
		this.#receivedLsn = startLsn;
		this.#storedLsn = storedLsn;
		this.serverLsn = startLsn;
		this.#timer = setInterval(() => void this.#tell(), STATUS_INTERVAL_MS);
		this.#timer.unref();
	}

	/**
	 * Begins to stream.
	 * @param from for errors: `db.example.com:5432`
	 * @throws BackupError SOURCE_FAILED where the slot is in use; INVALID_INPUT where there is none
	 */
	static async start(sender: WalSender, start: StreamStart, from: string): Promise<WalStream> {
		const { slot, startLsn, timeline } = start;
		const command = `START_REPLICATION SLOT ${slot} PHYSICAL ${formatLsn(startLsn)} TIMELINE ${timeline}`;
		const stream = new WalStream(
			await sender.copyBoth(command, `Could not read the WAL of ${from} with the slot ${slot}`),
			start,
		);
		await stream.#tell();
		return stream;
	}

	/**
	 * The next event.
	 * @param patience milliseconds after which `quiet` is one; infinite by default
	 * @throws BackupError as the connection does; 58P01 in its cause where the server has not got the WAL any more
	 */
	async next(patience = Infinity): Promise<StreamEvent> {
		this.#next ??= this.#copy.next();
		// Whoever comes back for it meets its error.
		this.#next.catch(() => {});
		const body = await inTime(this.#next, patience);
		if (body === 'late') return { type: 'quiet' };
		this.#next = undefined;
		if (!body) return { type: 'ended' };
		const message = parseServerMessage(body);
		if (!message) return await this.next(patience);
		this.serverTime = message.serverTime;
		if (message.serverLsn > this.serverLsn) this.serverLsn = message.serverLsn;
		if (message.wal) this.#receivedLsn = message.wal.startLsn + BigInt(message.wal.bytes.length);
		if (message.wantsReply) await this.#send(false).catch(() => {});
		return { type: 'message', message };
	}

	/** Tells the server that everything up to here is stored, so that it need not keep it. @throws BackupError */
	async confirm(storedLsn: Lsn): Promise<void> {
		if (storedLsn > this.#storedLsn) this.#storedLsn = storedLsn;
		await this.#send(false);
	}

	/**
	 * Ends the stream; the connection can be used for other commands then. Not after `quiet`: somebody still waits for a message then.
	 * @returns where the timeline goes on, where it has ended
	 * @throws BackupError
	 */
	async finish(): Promise<NextTimeline | undefined> {
		clearInterval(this.#timer);
		await this.#sending;
		const [row] = await this.#copy.finish();
		const timeline = textIn(row, 'next_tli');
		const start = textIn(row, 'next_tli_startpos');
		if (timeline === undefined || start === undefined) return undefined;
		return { timeline: Number(timeline), switchLsn: parseLsn(start) };
	}

	/** Stops telling the server anything; the connection is closed by its owner. */
	stop(): void {
		clearInterval(this.#timer);
	}

	async #tell(): Promise<void> {
		// A connection that is lost is noticed by who reads from it.
		await this.#send(true).catch(() => {});
	}

	/** @param wantsReply whether the server is to answer with where its log ends, and its time */
	async #send(wantsReply: boolean): Promise<void> {
		const sent = this.#sending.then(
			async () => await this.#copy.send(statusMessage(this.#receivedLsn, this.#storedLsn, Date.now(), wantsReply)),
		);
		this.#sending = sent.catch(() => {});
		await sent;
	}
}

async function inTime<T>(coming: Promise<T>, patience: number): Promise<T | 'late'> {
	if (patience === Infinity) return await coming;
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<'late'>((resolve) => (timer = setTimeout(() => resolve('late'), Math.max(0, patience))));
	try {
		return await Promise.race([coming, late]);
	} finally {
		clearTimeout(timer);
	}
}

/** SQLSTATE undefined_file: what the server says where WAL that was asked for is no longer there. */
const REMOVED = '58P01';

/** Whether an error says that the server has removed WAL that was asked for. */
export function saysRemoved(error: unknown): boolean {
	return error instanceof BackupError && (error.cause as { code?: string } | undefined)?.code === REMOVED;
}
