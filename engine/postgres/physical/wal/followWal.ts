/**
 * Archives WAL as it is made, until it is told to end. What breaks is begun anew, for as long as it takes: a server that restarts, a standby
 * that takes over behind the same address, a storage that is away. Nothing is lost by that, for the server keeps what is not confirmed.
 * Only the first login has to succeed, so that a wrong password or a slot that somebody else uses is told to who switches it on.
 */
import { BackupError, messageOf, throwIfCancelled } from '../../../errors';
import { systemClock, type Clock } from '../../../storage/clock';
import { withWalSender } from '../protocol';
import { noteReached, type Reached } from '../coverage';
import { readCluster, type Cluster } from '../cluster';
import { ArchiveRun, WalRemoved, type LostWal, type RunProgress } from './archiveRun';
import { slotOf, type ArchiveWalOptions } from './archiveWal';
import type { StoredStretch } from './collector';
import { StoredLog } from './storedLog';

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
/** How often it is noted that all is stored. */
const NOTE_EVERY_MS = 60_000;

/** What is told while it goes on. */
export interface FollowEvents {
	/** Something was stored. */
	onStored: (stored: StoredStretch, progress: FollowProgress) => Promise<void> | void;
	/** WAL is lost: a base backup is needed, so that recovery can begin anew behind it. */
	onGap: (gap: LostWal, cluster: Cluster) => Promise<void> | void;
	/** It broke, and will be begun anew after a pause. */
	onTrouble: (error: BackupError, trouble: Trouble) => void;
	/** Takes what people should know, whole sentences. */
	notice: (sentence: string) => void;
	/** Called when it streams again, and the first time. */
	onStreaming?: ((cluster: Cluster) => void) | undefined;
}

/** How often it broke since it streamed the last time, and when it is begun anew. */
export interface Trouble {
	failures: number;
	pauseMs: number;
}

/** How far it is. */
export interface FollowProgress extends RunProgress {
	cluster: Cluster;
	/** Bytes a second, of WAL that came since the last time that something was stored. */
	bytesPerSecond: number;
	/** Bytes that the server keeps for the slot: what is not confirmed yet. */
	lag: number;
}

export interface FollowWalOptions extends Omit<ArchiveWalOptions, 'run' | 'onProgress' | 'signal'> {
	/** Milliseconds after which what came is stored. */
	interval: number;
	events: FollowEvents;
	/** Ends it; what was not stored is left to the server. */
	signal: AbortSignal;
	clock?: Clock | undefined;
}

/**
 * Archives until the signal fires.
 * @throws BackupError CANCELLED at the end; what the first login, or the first look at the storage, fails with
 */
export async function followWal(options: FollowWalOptions): Promise<never> {
	const { signal, events, clock = systemClock } = options;
	const follower = new Follower(options);
	let pause = FIRST_PAUSE_MS;
	let failures = 0;
	for (;;) {
		try {
			await follower.once(() => {
				pause = FIRST_PAUSE_MS;
				failures = 0;
			});
		} catch (error) {
			throwIfCancelled(signal);
			if (!(error instanceof BackupError) || !follower.hasStreamed) throw error;
			events.onTrouble(error, { failures: ++failures, pauseMs: pause });
		}
		await clock.wait(pause, signal);
		pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
	}
}

class Follower {
	/** Whether it was once as far as streaming. */
	hasStreamed = false;
	#systemIdentifier: string | undefined;
	#since = performance.now();
	#sinceLsn: bigint | undefined;
	#noteAt = -Infinity;
	#hasToldNote = false;

	constructor(private readonly options: FollowWalOptions) {}

	/** Streams until something breaks, or the server ends the connection. @param onStreaming called when it streams */
	async once(onStreaming: () => void): Promise<void> {
		try {
			await this.#stream(false, onStreaming);
		} catch (error) {
			if (!(error instanceof WalRemoved)) throw error;
			await this.#stream(true, onStreaming);
		}
	}

	async #stream(afterGap: boolean, onStreaming: () => void): Promise<void> {
		const { connection, slot, signal, events, storage, trust, interval, name } = this.options;
		await withWalSender(connection, { signal }, async (sender) => {
			const cluster = await readCluster(sender, connection);
			this.#assertSame(cluster);
			const log = await StoredLog.find(storage, cluster.systemIdentifier, { trust, signal });
			const slotState = await slotOf(sender, this.options, events.notice);
			let isFirst = true;
			let progress: RunProgress | undefined;
			const run = new ArchiveRun({
				sender,
				cluster,
				slot,
				slotState,
				target: { choices: this.options, name: name ?? cluster.name, cluster, connection },
				log,
				events: {
					onStored: async (stored) => {
						if (progress) await events.onStored(stored, this.#measured(stored, progress, cluster));
						const { endTime } = stored.manifest.source;
						if (typeof endTime === 'string') await this.#note(cluster, { ...stored, lsn: stored.endLsn, at: endTime });
					},
					onGap: async (gap) => await events.onGap(gap, cluster),
					notice: events.notice,
					onCaughtUp: async ({ timeline, lsn, time }) => {
						await this.#note(cluster, { timeline, lsn, at: new Date(time).toISOString() });
					},
					onProgress: (now) => {
						progress = now;
						this.#sinceLsn ??= now.receivedLsn;
						if (!isFirst) return;
						isFirst = false;
						this.hasStreamed = true;
						onStreaming();
						events.onStreaming?.(cluster);
					},
				},
				signal,
				afterGap,
				interval,
			});
			await run.run();
		});
	}

	/** Notes how far it is, now and then. It follows on where that cannot be written. */
	async #note({ systemIdentifier }: Cluster, { timeline, lsn, at }: Reached): Promise<void> {
		const now = performance.now();
		if (now < this.#noteAt) return;
		this.#noteAt = now + NOTE_EVERY_MS;
		const { storage, events, signal } = this.options;
		try {
			await noteReached(storage, systemIdentifier, { timeline, lsn, at }, signal);
		} catch (error) {
			throwIfCancelled(signal);
			if (!this.#hasToldNote) events.notice(`That all WAL is stored could not be noted: ${messageOf(error)}`);
			this.#hasToldNote = true;
		}
	}

	#measured({ endLsn }: StoredStretch, progress: RunProgress, cluster: Cluster): FollowProgress {
		const now = performance.now();
		const bytes = Number(progress.receivedLsn - (this.#sinceLsn ?? progress.receivedLsn));
		const bytesPerSecond = Math.max(0, Math.round((bytes * 1000) / Math.max(1, now - this.#since)));
		this.#since = now;
		this.#sinceLsn = progress.receivedLsn;
		return { ...progress, storedLsn: endLsn, cluster, bytesPerSecond, lag: Number(progress.serverLsn - endLsn) };
	}

	/** An address that leads to another cluster must not be archived as the one before. @throws BackupError */
	#assertSame({ systemIdentifier, address }: Cluster): void {
		this.#systemIdentifier ??= systemIdentifier;
		if (systemIdentifier === this.#systemIdentifier) return;
		throw new BackupError(
			'SOURCE_FAILED',
			`${address} is another cluster now: its system identifier is ${systemIdentifier}, and was ${this.#systemIdentifier}.`,
			{ hint: 'Where that is meant, switch the workflow off and on again, and make a base backup.' },
		);
	}
}
