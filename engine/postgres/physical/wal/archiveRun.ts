/**
 * Archives the WAL of one server over one connection: finds where to go on, streams from there, follows timelines, and stores.
 *
 * Where to go on: where the stored WAL ends along the server's timeline, at the beginning of that segment; where nothing is stored, where the
 * slot begins. A server that has removed what comes next leaves a gap: it is told, and archiving goes on where the slot begins, for what
 * is kept there must not be lost as well. The server hears only of what a stored manifest covers, so it keeps all else.
 */
import { BackupError } from '../../../errors';
import { END, parseHistory, timelineAt, type Ancestor } from '../coverage';
import { formatLsn, segmentStart, type Lsn } from '../lsn';
import type { Cluster } from '../cluster';
import { createPhysicalSlot, timelineHistory, type WalSender } from '../protocol';
import type { SlotState } from '../slot';
import { CaughtUp, type CaughtUpMoment } from './caughtUp';
import { WalCollector, type StoredStretch } from './collector';
import type { StoredLog } from './storedLog';
import type { HistoryFile, StretchTarget } from './stretchArchive';
import { saysRemoved, WalStream } from './walStream';

/** WAL that is lost: the server has it no more, and it was not stored. */
export interface LostWal {
	timeline: number;
	startLsn: Lsn;
	endLsn: Lsn;
}

/** What a run tells while it goes on. */
export interface RunEvents {
	onStored: (stored: StoredStretch) => Promise<void> | void;
	onGap: (gap: LostWal) => Promise<void> | void;
	/** Takes what people should know, whole sentences. */
	notice: (sentence: string) => void;
	/** Called for what came, some ten times a second at most: how far it is, how far the server's log is, what is confirmed. */
	onProgress?: (progress: RunProgress) => void;
	/** Called for a run that goes on: there was a moment at which all was stored. */
	onCaughtUp?: (moment: CaughtUpMoment & { timeline: number }) => Promise<void> | void;
}

export interface RunProgress {
	timeline: number;
	receivedLsn: Lsn;
	storedLsn: Lsn;
	serverLsn: Lsn;
	/** By the server's clock, milliseconds. */
	serverTime: number | undefined;
}

export interface ArchiveRunOptions {
	sender: WalSender;
	cluster: Cluster;
	slot: string;
	/** As it was before; undefined where it does not exist, or nothing could be found out. */
	slotState: SlotState | undefined;
	target: StretchTarget;
	log: StoredLog;
	events: RunEvents;
	signal: AbortSignal | undefined;
	/** Begin where the slot does, and not where the stored WAL ends: the server has said that it has that no more. */
	afterGap: boolean;
	/** Milliseconds after which what came is stored; undefined: stream up to the present, store, and end. */
	interval: number | undefined;
}

const PROGRESS_MS = 100;

/** Thrown where the server has not got the WAL that comes next: the run is to be begun anew, behind the gap. */
export class WalRemoved extends Error {
	constructor(override readonly cause: BackupError) {
		super(cause.message);
	}
}

export class ArchiveRun {
	readonly #options: ArchiveRunOptions;
	readonly #histories = new Map<number, HistoryFile>();
	#path: Ancestor[] = [];
	#stream: WalStream | undefined;
	#collector: WalCollector | undefined;
	#progressAt = 0;

	constructor(options: ArchiveRunOptions) {
		this.#options = options;
	}

	/**
	 * Archives up to the present, or until the signal fires.
	 * @throws WalRemoved; BackupError CANCELLED, SOURCE_*, STORAGE_*
	 */
	async run(): Promise<RunProgress> {
		const { cluster } = this.#options;
		this.#path = await this.#readPath(cluster.timeline);
		let start: { timeline: number; lsn: Lsn } | undefined = await this.#findStart();
		try {
			for (;;) {
				start = await this.#streamFrom(start);
				if (!start) return this.#progress();
			}
		} catch (error) {
			await this.#collector?.abort(error);
			if (saysRemoved(error) && !this.#options.afterGap) throw new WalRemoved(error as BackupError);
			throw error;
		} finally {
			this.#stream?.stop();
		}
	}

	/** The timelines that came before one, and that one. */
	async #readPath(timeline: number): Promise<Ancestor[]> {
		const ancestors = timeline > 1 ? await this.#readHistory(timeline) : [];
		return [...ancestors, { timeline, endLsn: END }];
	}

	async #readHistory(timeline: number): Promise<Ancestor[]> {
		const { content } = await timelineHistory(this.#options.sender, timeline);
		this.#histories.set(timeline, { timeline, content });
		return parseHistory(content.toString('latin1'), timeline);
	}

	async #findStart(): Promise<{ timeline: number; lsn: Lsn }> {
		const { cluster, log, slotState, afterGap } = this.#options;
		const stored = log.resumePoint(this.#path);
		this.#assertNotAhead(stored);
		// A slot that was made without keeping WAL does so from the first confirmation on.
		const slotLsn = slotState ? (slotState.restartLsn ?? cluster.position) : await this.#makeSlot();
		if (stored && !afterGap) return stored;
		const start = { timeline: timelineAt(this.#path, slotLsn), lsn: segmentStart(slotLsn, cluster.segmentBytes) };
		if (!stored || stored.lsn >= start.lsn) return start;
		await this.#options.events.onGap({ timeline: stored.timeline, startLsn: stored.lsn, endLsn: start.lsn });
		return start;
	}

	/** Whoever resets a server to an older state has WAL written anew that is stored already, with other content. @throws BackupError */
	#assertNotAhead(stored: { timeline: number; lsn: Lsn } | undefined): void {
		const { cluster } = this.#options;
		const { timeline, position, address } = cluster;
		const newest = Math.max(0, ...this.#options.log.cluster.stretches.map((one) => one.timeline));
		if (newest > timeline)
			throw new BackupError(
				'SOURCE_FAILED',
				`${address} is on timeline ${timeline}, but WAL of timeline ${newest} of the same cluster is stored already.`,
				{
					hint: 'This is an old primary, or a server that was recovered beside the one that is archived. Let the credential lead to the server that is in use; for another copy of the cluster, use another folder.',
				},
			);
		if (!stored || stored.timeline !== timeline || stored.lsn <= position) return;
		throw new BackupError(
			'SOURCE_FAILED',
			`${address} has WAL up to ${formatLsn(position)}, but WAL up to ${formatLsn(stored.lsn)} is stored already.`,
			{
				hint: 'A standby may be behind: run it again. A server whose disk was reset to an older state writes the same places of its log anew: make a new base backup in another folder, and archive there.',
			},
		);
	}

	/** @returns where a new slot begins */
	async #makeSlot(): Promise<Lsn> {
		const { sender, slot, cluster, events } = this.#options;
		await createPhysicalSlot(sender, slot);
		events.notice(
			`The replication slot ${slot} was created on ${cluster.address}: the server keeps all WAL from now on until it is archived. Drop it when it is not used any more.`,
		);
		return cluster.position;
	}

	/** @returns where to go on where the timeline ended; undefined at the end */
	async #streamFrom({
		timeline,
		lsn,
	}: {
		timeline: number;
		lsn: Lsn;
	}): Promise<{ timeline: number; lsn: Lsn } | undefined> {
		const { sender, cluster, slot, target, log, events, signal } = this.#options;
		const startLsn = segmentStart(lsn, cluster.segmentBytes);
		const collector = new WalCollector(
			target,
			{
				timeline,
				history: this.#path.slice(
					0,
					this.#path.findIndex((one) => one.timeline === timeline),
				),
				histories: await this.#historiesOf(timeline),
				startLsn,
				storedLsn: lsn,
			},
			async (stored) => {
				log.add(stored);
				await events.onStored(stored);
				await this.#stream?.confirm(stored.endLsn);
				for (const sentence of await log.removeReplaced(stored, signal)) events.notice(sentence);
			},
		);
		this.#collector = collector;
		this.#stream = await WalStream.start(sender, { slot, timeline, startLsn, storedLsn: lsn }, cluster.address);
		const hasEnded = await this.#collect(this.#stream, collector);
		const next = await this.#stream.finish();
		if (!hasEnded || !next) return undefined;
		return await this.#follow(next.timeline, next.switchLsn);
	}

	/** @returns whether the timeline has ended; otherwise the present is reached */
	async #collect(stream: WalStream, collector: WalCollector): Promise<boolean> {
		const { cluster, interval, events } = this.#options;
		const isAtPresent = (lsn: Lsn) =>
			interval === undefined && collector.timeline >= cluster.timeline && lsn >= cluster.position;
		// Nothing is new: what is stored reaches to the present. What time that is, the server tells with its first message.
		if (isAtPresent(collector.storedLsn)) {
			await stream.next();
			return false;
		}
		const caughtUp = new CaughtUp();
		let due = Infinity;
		for (;;) {
			const event = await stream.next(due === Infinity ? undefined : due - performance.now());
			if (event.type === 'ended') break;
			if (event.type === 'message' && event.message.wal) {
				const { wal, serverTime } = event.message;
				await collector.take(wal.startLsn, wal.bytes, serverTime);
				if (interval !== undefined && due === Infinity) due = performance.now() + interval;
			}
			const moment = event.type === 'message' && caughtUp.heard(event.message, collector.storedLsn);
			if (moment) await events.onCaughtUp?.({ ...moment, timeline: collector.timeline });
			this.#tellProgress();
			if (isAtPresent(collector.receivedLsn)) break;
			if (performance.now() >= due) {
				await this.#commit(collector);
				due = Infinity;
			}
		}
		await this.#commit(collector);
		return !isAtPresent(collector.receivedLsn);
	}

	async #commit(collector: WalCollector): Promise<void> {
		await collector.commitWhole();
		await collector.commitPartial();
		this.#tellProgress(true);
	}

	/** The timeline has ended; what comes belongs to another one, which begins in the segment in which the old one ended. */
	async #follow(timeline: number, switchLsn: Lsn): Promise<{ timeline: number; lsn: Lsn }> {
		this.#options.events.notice(
			`The server is on timeline ${timeline} since ${formatLsn(switchLsn)}: a standby became the primary, or the server was recovered.`,
		);
		if (!this.#path.some((one) => one.timeline === timeline)) this.#path = await this.#readPath(timeline);
		const { segmentBytes } = this.#options.cluster;
		return { timeline, lsn: segmentStart(switchLsn, segmentBytes) };
	}

	/** The files of a timeline and of those before it. A server need not have those of old ones. */
	async #historiesOf(timeline: number): Promise<HistoryFile[]> {
		if (timeline > 1 && !this.#histories.has(timeline)) await this.#readHistory(timeline);
		return [...this.#histories.values()]
			.filter((one) => one.timeline <= timeline)
			.sort((a, b) => a.timeline - b.timeline);
	}

	#tellProgress(isForced = false): void {
		const now = performance.now();
		if (!isForced && now < this.#progressAt) return;
		this.#progressAt = now + PROGRESS_MS;
		this.#options.events.onProgress?.(this.#progress());
	}

	#progress(): RunProgress {
		const collector = this.#collector!;
		const stream = this.#stream!;
		return {
			timeline: collector.timeline,
			receivedLsn: collector.receivedLsn,
			storedLsn: collector.storedLsn,
			serverLsn: stream.serverLsn,
			serverTime: stream.serverTime,
		};
	}
}
