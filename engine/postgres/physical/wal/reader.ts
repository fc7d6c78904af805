/**
 * Reads the write-ahead log of one timeline as it streams by, and checks all of it.
 *
 * Bytes come in pieces of any size, in order, from the beginning of a segment on. They are copied into one page; each page's header is
 * checked, then what it holds is gone through record by record. A record may begin in one page, even in the middle of its header, and
 * end in another one of a later segment: of it only the header, the CRC so far, and the first bytes of those that tell a time are kept.
 * So memory is one page, whatever the log holds. A segment of 16 MiB takes some tens of milliseconds.
 *
 * Positions within a page are counted as numbers, for a BigInt each record would cost more than its CRC.
 */
import { CRC_START, crcOver } from '../crc32c';
import type { Lsn } from '../lsn';
import { noFacts, noteRestorePoint, type WalFacts } from './walFacts';
import {
	hasLongHeader,
	LONG_HEADER,
	parsePageHeader,
	SHORT_HEADER,
	WalDamage,
	type PageHeader,
	type SegmentHeader,
} from './page';
import { HEAD_BYTES, RECORD_HEADER, recordType, timedFacts, type RecordType, type TimedFacts } from './record';

const MIN_PAGE = 1024;
const MAX_PAGE = 65_536;

/** A transaction that ended, or a restore point. */
export interface WalEvent extends TimedFacts {
	type: 'commit' | 'abort' | 'restorePoint';
	/** The transaction; 0 for a restore point, and for what was prepared before (it has its number elsewhere). */
	transaction: number;
	startLsn: Lsn;
	/** Where the next record may begin: recovery to this position has it. */
	endLsn: Lsn;
}

export interface WalReaderOptions {
	/** The beginning of a segment. */
	startLsn: Lsn;
	timeline: number;
	/** Refuses the log of another cluster. */
	systemIdentifier?: string | undefined;
	/** Gets every event in order. Without it they are only counted, which takes less time. */
	onEvent?: ((event: WalEvent) => void) | undefined;
}

export class WalReader {
	/** Where the last whole record ends: the end of the segment, also before it came, where it was a switch to the next one. */
	get endOfRecords(): Lsn {
		return this.#endPage + BigInt(this.#endAt);
	}

	/** Where the last whole record begins; undefined where none has begun and ended. */
	get lastRecordLsn(): Lsn | undefined {
		return this.#formerHigh < 0 ? undefined : joined(this.#formerHigh, this.#formerLow);
	}

	/** Where the bytes end that came. */
	get endLsn(): Lsn {
		return this.#pageLsn + BigInt(this.#filled);
	}

	/** Of what was read since the beginning, or since `takeFacts`. */
	facts: WalFacts = noFacts();
	/** What the first segment says of itself, and the server's version; undefined before its header came. */
	segment: (SegmentHeader & { version: number }) | undefined;

	readonly #options: WalReaderOptions;
	readonly #memory = new ArrayBuffer(MAX_PAGE);
	readonly #page = Buffer.from(this.#memory);
	readonly #words = new Int32Array(this.#memory);
	readonly #view = new DataView(this.#memory);
	#pageBytes = MIN_PAGE;
	#pageLsn: Lsn;
	/** The two halves of the page's position. */
	#pageHigh = 0;
	#pageLow = 0;
	/** Bytes of the page that have come, and how far they were gone through. */
	#filled = 0;
	#at = 0;
	/** Bytes to be passed over: what a switch of segments leaves unused. */
	#unused = 0;
	#isFirstPage = true;
	#timeline = 0;
	/** Where the last record ended: the page, and the byte in it. */
	#endPage: Lsn;
	#endAt = 0;

	/** The record that is being read: its header, of which so many bytes came, and what is left of it. */
	readonly #headerMemory = new ArrayBuffer(RECORD_HEADER);
	readonly #header = Buffer.from(this.#headerMemory);
	readonly #headerWords = new Int32Array(this.#headerMemory);
	#headerBytes = 0;
	#left = 0;
	#crc = 0;
	/** It began before the first byte: what is left of it cannot be checked. */
	#isCut = false;
	#type: RecordType | undefined;
	readonly #head = Buffer.alloc(HEAD_BYTES);
	#headLength = 0;
	#startHigh = 0;
	#startLow = 0;
	/** Where the record before it began; -1 where there was none. */
	#formerHigh = -1;
	#formerLow = 0;

	constructor(options: WalReaderOptions) {
		this.#options = options;
		this.#pageLsn = options.startLsn;
		this.#endPage = options.startLsn;
		this.#startPage();
	}

	/** What was found so far; what comes is counted anew. A record counts where it ends. */
	takeFacts(): WalFacts {
		const { facts } = this;
		this.facts = noFacts();
		return facts;
	}

	/**
	 * Goes on with the bytes that follow; they are not kept.
	 * @throws WalDamage where they are no log, or not that of this place, timeline and cluster; `endOfRecords` is then where the good part ends
	 */
	take(bytes: Uint8Array): void {
		for (let from = 0; from < bytes.length;) {
			if (this.#unused > 0) {
				from = this.#passOver(bytes, from);
				continue;
			}
			const count = Math.min(bytes.length - from, this.#pageBytes - this.#filled);
			this.#page.set(bytes.subarray(from, from + count), this.#filled);
			this.#filled += count;
			from += count;
			this.#advance();
			if (this.#unused === 0 && this.#filled === this.#pageBytes) this.#nextPage();
		}
	}

	/** Goes through what has come of the page. */
	#advance(): void {
		if (this.#at === 0 && !this.#readPageHeader()) return;
		while (this.#at < this.#filled && this.#unused === 0) {
			if (this.#left > 0) this.#readBody();
			else if (!this.#readHeader()) return;
		}
	}

	/** False where it has not come whole. */
	#readPageHeader(): boolean {
		if (this.#filled < SHORT_HEADER || (hasLongHeader(this.#page) && this.#filled < LONG_HEADER)) return false;
		const header = parsePageHeader(this.#view, this.#pageLsn);
		this.#checkPage(header);
		this.#at = header.length;
		const isInRecord = this.#left > 0 || this.#headerBytes > 0;
		if (isInRecord && header.isOverwritten) this.#dropRecord();
		else if (isInRecord) this.#checkContinuation(header);
		else if (header.continued > 0) {
			if (!this.#isFirstPage)
				throw new WalDamage(this.#pageLsn, 'holds a page that goes on with a record that did not begin');
			this.#left = header.continued;
			this.#isCut = true;
		}
		this.#isFirstPage = false;
		return true;
	}

	#checkPage({ segment, version, timeline, length }: PageHeader): void {
		const { systemIdentifier, timeline: wanted } = this.#options;
		if (segment) {
			if (systemIdentifier !== undefined && segment.systemIdentifier !== systemIdentifier)
				throw new WalDamage(
					this.#pageLsn,
					`is of another cluster, ${segment.systemIdentifier} and not ${systemIdentifier}`,
				);
			if (this.#isFirstPage) {
				this.#pageBytes = segment.pageBytes;
				this.segment = { ...segment, version };
			}
		}
		const isAtStart = this.segment && this.#pageLsn % BigInt(this.segment.segmentBytes) === 0n;
		if (!this.segment || isAtStart !== (length === LONG_HEADER))
			throw new WalDamage(this.#pageLsn, 'holds a page with a header of the wrong form');
		if (version !== this.segment.version || (segment && segment.segmentBytes !== this.segment.segmentBytes))
			throw new WalDamage(this.#pageLsn, 'holds a page of another version or size');
		// In front of where a timeline branched off, its first segment holds pages of the one before.
		if (timeline < this.#timeline || timeline > wanted)
			throw new WalDamage(this.#pageLsn, `holds a page of timeline ${timeline}`);
		this.#timeline = timeline;
	}

	#checkContinuation({ continued }: PageHeader): void {
		const isRight =
			this.#headerBytes > 0 ? continued === this.#lengthStated() - this.#headerBytes : continued === this.#left;
		if (!isRight) throw new WalDamage(this.#pageLsn, 'holds a page that does not go on with the record before it');
	}

	#lengthStated(): number {
		return this.#headerWords[0]! >>> 0;
	}

	/** Copies the header of a record, or what the page has of it. False where it has not come whole. */
	#readHeader(): boolean {
		const missing = RECORD_HEADER - this.#headerBytes;
		const there = Math.min(missing, this.#filled - this.#at);
		if (there < missing && this.#filled < this.#pageBytes) return false;
		if (this.#headerBytes === 0) {
			this.#startHigh = this.#pageHigh;
			this.#startLow = this.#pageLow + this.#at;
		}
		// Records begin at multiples of eight, so whole words stand on both sides of a page's end.
		for (let index = 0; index < there >>> 2; index++)
			this.#headerWords[(this.#headerBytes >>> 2) + index] = this.#words[(this.#at >>> 2) + index]!;
		this.#headerBytes += there;
		this.#at += there;
		if (this.#lengthStated() < RECORD_HEADER) throw this.#damage(noRecord(this.#lengthStated()));
		if (this.#headerBytes < RECORD_HEADER) return false;
		this.#beginRecord();
		return true;
	}

	#beginRecord(): void {
		const words = this.#headerWords;
		if (this.#formerHigh >= 0 && (words[3]! >>> 0 !== this.#formerHigh || words[2]! >>> 0 !== this.#formerLow))
			throw this.#damage('holds a record that does not follow the one before it');
		this.#left = this.#lengthStated() - RECORD_HEADER;
		this.#crc = CRC_START;
		this.#type = recordType(this.#header[17]!, this.#header[16]!);
		this.#headLength = 0;
		this.#headerBytes = 0;
		if (this.#left === 0) this.#endRecord();
	}

	/** Takes what the page has of the record behind its header. */
	#readBody(): void {
		const end = Math.min(this.#at + this.#left, this.#filled);
		if (!this.#isCut) {
			this.#crc = crcOver(this.#crc, this.#page, this.#words, this.#at, end);
			if (this.#type !== undefined && this.#headLength < HEAD_BYTES)
				this.#headLength += this.#page.copy(this.#head, this.#headLength, this.#at, end);
		}
		this.#left -= end - this.#at;
		this.#at = end;
		if (this.#left === 0) this.#endRecord();
	}

	#endRecord(): void {
		// The next one begins at a multiple of eight.
		this.#at = (this.#at + 7) & ~7;
		if (this.#isCut) {
			this.#isCut = false;
			this.#noteEnd();
			return;
		}
		const crc = ~crcOver(this.#crc, this.#header, this.#headerWords, 0, 20);
		if (crc !== this.#headerWords[5]) throw this.#damage('holds a record whose CRC is wrong');
		this.#formerHigh = this.#startHigh;
		this.#formerLow = this.#startLow;
		this.facts.records++;
		this.#noteEnd();
		if (this.#type !== undefined) this.#noteEvent(this.#type);
	}

	#noteEnd(): void {
		this.#endPage = this.#pageLsn;
		this.#endAt = this.#at;
	}

	#noteEvent(type: RecordType): void {
		if (type === 'overwrites') return;
		if (type === 'switch') {
			this.#leaveSegment();
			return;
		}
		const said = timedFacts(this.#head, this.#headLength, type);
		if (!said) throw this.#damage('holds the end of a transaction in a form that is not known');
		if (type === 'restorePoint')
			noteRestorePoint(this.facts, { name: said.name ?? '', lsn: this.endOfRecords, time: said.time });
		else this.#noteTime(type, said.time);
		this.#options.onEvent?.({
			...said,
			type,
			transaction: type === 'restorePoint' ? 0 : this.#headerWords[1]! >>> 0,
			startLsn: this.#recordStart(),
			endLsn: this.endOfRecords,
		});
	}

	#noteTime(type: 'commit' | 'abort', time: number): void {
		const { facts } = this;
		if (type === 'commit') facts.commits++;
		facts.firstTime = Math.min(facts.firstTime ?? time, time);
		facts.lastTime = Math.max(facts.lastTime ?? time, time);
	}

	/** The rest of the segment is unused, and may hold anything. */
	#leaveSegment(): void {
		const segmentBytes = BigInt(this.segment!.segmentBytes);
		const offset = Number((this.#pageLsn + BigInt(this.#at)) % segmentBytes);
		if (offset === 0) return;
		const left = Number(segmentBytes) - offset;
		this.#endAt += left;
		// Some of it may have come already.
		const come = Math.min(left, this.#filled - this.#at);
		this.#pageLsn += BigInt(this.#at + come);
		this.#unused = left - come;
		this.#startPage();
	}

	#passOver(bytes: Uint8Array, from: number): number {
		const count = Math.min(bytes.length - from, this.#unused);
		this.#unused -= count;
		this.#pageLsn += BigInt(count);
		if (this.#unused === 0) this.#startPage();
		return from + count;
	}

	#nextPage(): void {
		this.#pageLsn += BigInt(this.#pageBytes);
		this.#startPage();
	}

	#startPage(): void {
		this.#pageHigh = Number(this.#pageLsn >> 32n);
		this.#pageLow = Number(this.#pageLsn & 0xffff_ffffn);
		this.#filled = 0;
		this.#at = 0;
	}

	#dropRecord(): void {
		this.#left = 0;
		this.#headerBytes = 0;
		this.#isCut = false;
	}

	#recordStart(): Lsn {
		return joined(this.#startHigh, this.#startLow);
	}

	#damage(what: string): WalDamage {
		return new WalDamage(this.#recordStart(), what);
	}
}

/** A position of its two halves. */
function joined(high: number, low: number): Lsn {
	return (BigInt(high) << 32n) | BigInt(low);
}

function noRecord(length: number): string {
	return length === 0 ? 'holds zeros where a record should begin' : 'holds something else where a record should begin';
}
