/**
 * Puts WAL into archives as it comes: of one timeline, from the beginning of a segment on.
 *
 * Each piece goes through the reader, which checks it, and waits in memory until its segment is whole; then the segment goes into the
 * archive that is being written. What `commitWhole` and `commitPartial` have stored, and nothing else, counts as stored. So whatever ends
 * the run, nothing that was not stored has been confirmed, and the server still has it. In memory: the segment that comes, and the few
 * that are being compressed.
 */
import type { Manifest } from '../../../archive';
import { BackupError } from '../../../errors';
import type { Ancestor } from '../coverage';
import { formatLsn, type Lsn } from '../lsn';
import { WalDamage } from './page';
import { WalReader } from './reader';
import { SegmentBuffer } from './segmentBuffer';
import { StretchArchive, type HistoryFile, type StretchTarget } from './stretchArchive';
import { joinFacts, noFacts, type WalFacts } from './walFacts';

/** Raw bytes of an archive: so much is lost where one is damaged, and so much is read for one segment of an encrypted one. */
const ARCHIVE_BYTES = 1024 ** 3;

/** Where a collector begins. */
export interface CollectorStart {
	timeline: number;
	/** The timelines in front of it, and their files. */
	history: readonly Ancestor[];
	histories: readonly HistoryFile[];
	/** The beginning of a segment. */
	startLsn: Lsn;
	/** What is stored already: up to here nothing is stored again by itself. */
	storedLsn: Lsn;
}

/** What was stored. */
export interface StoredStretch {
	manifest: Manifest;
	key: string;
	timeline: number;
	startLsn: Lsn;
	endLsn: Lsn;
	segments: number;
	isPartial: boolean;
}

/** An archive that is being written. */
interface OpenArchive {
	archive: StretchArchive;
	startLsn: Lsn;
	endLsn: Lsn;
	segments: number;
	facts: WalFacts;
	endTime: number | undefined;
}

export class WalCollector {
	readonly #target: StretchTarget;
	readonly #start: CollectorStart;
	readonly #reader: WalReader;
	readonly #segmentBytes: number;
	/** Gets what was stored, when it is. */
	readonly #onStored: (stored: StoredStretch) => Promise<void>;
	#open: OpenArchive | undefined;
	#segmentLsn: Lsn;
	readonly #buffer = new SegmentBuffer();
	/** Of the segment that comes: its beginning was counted here when it was stored as a partial one. */
	#facts: WalFacts = noFacts();
	#storedLsn: Lsn;
	/** When the newest bytes came, by the server's clock. */
	#time: number | undefined;

	constructor(target: StretchTarget, start: CollectorStart, onStored: (stored: StoredStretch) => Promise<void>) {
		this.#target = target;
		this.#start = start;
		this.#onStored = onStored;
		this.#segmentBytes = target.cluster.segmentBytes;
		this.#segmentLsn = start.startLsn;
		this.#storedLsn = start.storedLsn;
		this.#reader = new WalReader({
			startLsn: start.startLsn,
			timeline: start.timeline,
			systemIdentifier: target.cluster.systemIdentifier,
		});
	}

	get timeline(): number {
		return this.#start.timeline;
	}

	/** Where the bytes end that came. */
	get receivedLsn(): Lsn {
		return this.#segmentLsn + BigInt(this.#buffer.bytes);
	}

	/** Up to where everything is covered by a manifest. */
	get storedLsn(): Lsn {
		return this.#storedLsn;
	}

	/**
	 * Takes the bytes that follow, which are copied. Resolves when there is room for more.
	 * @param time when they came, by the server's clock
	 * @throws BackupError SOURCE_FAILED where they do not follow, or are damaged; what the archive throws
	 */
	async take(startLsn: Lsn, bytes: Uint8Array, time: number | undefined): Promise<void> {
		if (startLsn !== this.receivedLsn)
			throw new BackupError(
				'SOURCE_FAILED',
				`The server sent WAL from ${formatLsn(startLsn)} on, where ${formatLsn(this.receivedLsn)} was to come.`,
				{
					hint: 'Nothing of it was stored. Run it again; where it stays, look what stands between n8n and the server.',
				},
			);
		this.#time = time ?? this.#time;
		for (let at = 0; at < bytes.length;) {
			const piece = bytes.subarray(at, at + this.#segmentBytes - this.#buffer.bytes);
			this.#check(piece);
			this.#buffer.add(piece);
			at += piece.length;
			if (this.#buffer.bytes === this.#segmentBytes) await this.#endSegment();
		}
	}

	/** Ends the archive of whole segments, where there is one. @throws BackupError as StretchArchive.commit does */
	async commitWhole(): Promise<void> {
		const open = this.#open;
		if (!open) return;
		this.#open = undefined;
		await this.#commit(open, false);
	}

	/** Stores what there is of the segment that comes, where that is more than is stored. @throws BackupError as commitWhole does */
	async commitPartial(): Promise<void> {
		if (this.receivedLsn <= this.#storedLsn || this.#buffer.bytes === 0) return;
		this.#facts = joinFacts(this.#facts, this.#reader.takeFacts());
		const open = await this.#begin(this.#buffer.bytes);
		await this.#add(open, this.#buffer.peek(), true);
		open.endLsn = this.receivedLsn;
		open.facts = this.#facts;
		await this.#commit(open, true);
	}

	/** Leaves nothing of what was not committed. */
	async abort(reason: unknown): Promise<void> {
		const open = this.#open;
		this.#open = undefined;
		await open?.archive.abort(reason);
	}

	#check(bytes: Uint8Array): void {
		try {
			this.#reader.take(bytes);
		} catch (error) {
			if (!(error instanceof WalDamage)) throw error;
			throw new BackupError('SOURCE_FAILED', `The WAL of timeline ${this.timeline} ${error.message}.`, {
				cause: error,
				hint: 'It came so from the server, and was not stored: what is confirmed is good. Look into the server’s log and at its disk (pg_waldump shows the place), and make a new base backup.',
			});
		}
	}

	async #endSegment(): Promise<void> {
		const open = (this.#open ??= await this.#begin(ARCHIVE_BYTES));
		await this.#add(open, this.#buffer.takeAll(), false);
		open.facts = joinFacts(open.facts, joinFacts(this.#facts, this.#reader.takeFacts()));
		open.endTime = this.#time;
		this.#facts = noFacts();
		this.#segmentLsn += BigInt(this.#segmentBytes);
		open.endLsn = this.#segmentLsn;
		if (open.segments * this.#segmentBytes >= ARCHIVE_BYTES) await this.commitWhole();
	}

	async #begin(size: number): Promise<OpenArchive> {
		const archive = await StretchArchive.begin(this.#target, this.#start.histories, size);
		const startLsn = this.#segmentLsn;
		return { archive, startLsn, endLsn: startLsn, segments: 0, facts: noFacts(), endTime: this.#time };
	}

	async #add(open: OpenArchive, pieces: Buffer[], isPartial: boolean): Promise<void> {
		try {
			await open.archive.add(this.timeline, this.#segmentLsn, pieces, isPartial);
			open.segments++;
		} catch (error) {
			await open.archive.abort(error);
			throw error;
		}
	}

	async #commit({ archive, startLsn, endLsn, segments, facts, endTime }: OpenArchive, isPartial: boolean) {
		const { timeline, history } = this.#start;
		const content = { timeline, history, startLsn, endLsn, segments, isPartial, facts, endTime };
		const manifest = await archive.commit(content);
		if (endLsn > this.#storedLsn) this.#storedLsn = endLsn;
		await this.#onStored({ manifest, key: archive.key, timeline, startLsn, endLsn, segments, isPartial });
	}
}
