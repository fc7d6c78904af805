/**
 * The answer to BASE_BACKUP, in whichever of its two forms, as a row of archives. From 15 on all archives and the manifest come in one
 * stream of messages, whose first byte says what each is: `n` a new archive, `d` data of it, `m` the manifest begins, `p` progress.
 * Before, each archive is a stream of its own, then the manifest, and archives come without the blocks that end a tar.
 */
import { tarEnd } from '../../../tar';
import { protocolViolation } from '../../protocol';
import { type Lsn, parseLsn } from '../lsn';
import { type AnswerEvent, type ReplicationRow, textIn, textOf } from '../protocol';
import { FIRST_WITH_ONE_STREAM } from './command';

/** A folder outside the data directory that holds files of the cluster. */
export interface Tablespace {
	oid: string;
	location: string;
	/** As the server estimates it. */
	bytes: number | undefined;
}

/** What the server says before the first archive. */
export interface BaseBackupStart {
	startLsn: Lsn;
	timeline: number;
	tablespaces: Tablespace[];
	/** Of the data directory without tablespaces, as the server estimates it. */
	bytes: number | undefined;
}

/** A tar of a tablespace, of the data directory (without oid), or the manifest. Its bytes stay as they are until the next ones are asked for. */
export interface SentArchive {
	type: 'tablespace' | 'data' | 'manifest';
	oid?: string;
	content: AsyncGenerator<Uint8Array, void, undefined>;
}

export class BaseBackupAnswer {
	readonly #events: AsyncGenerator<AnswerEvent, void, undefined>;
	readonly #hasOneStream: boolean;
	/** An event that was read and belongs to what comes next. */
	#next: AnswerEvent | undefined;
	#start: BaseBackupStart | undefined;

	/** @param major the server's version */
	constructor(events: AsyncGenerator<AnswerEvent, void, undefined>, major: number) {
		this.#events = events;
		this.#hasOneStream = major >= FIRST_WITH_ONE_STREAM;
	}

	/** Waits until the server has begun, which a spread checkpoint may delay by minutes. @throws BackupError */
	async start(): Promise<BaseBackupStart> {
		const [position] = await this.#rows();
		const spaces = await this.#rows();
		const tablespaces: Tablespace[] = [];
		let bytes: number | undefined;
		for (const row of spaces) {
			const size = textIn(row, 'size');
			const estimated = size === undefined ? undefined : Number(size) * 1024;
			const oid = textIn(row, 'spcoid');
			if (oid === undefined) bytes = estimated;
			else tablespaces.push({ oid, location: textOf(row, 'spclocation'), bytes: estimated });
		}
		this.#start = {
			startLsn: parseLsn(textOf(position, 'recptr')),
			timeline: Number(textOf(position, 'tli')),
			tablespaces,
			bytes,
		};
		return this.#start;
	}

	/** The archives as they come, each to be read to its end before the next one. @throws BackupError */
	archives(): AsyncGenerator<SentArchive, void, undefined> {
		return this.#hasOneStream ? this.#ofOneStream() : this.#ofStreams();
	}

	/** The position at which the backup is consistent; to be asked for after the last archive. @throws BackupError */
	async end(): Promise<Lsn> {
		const [row] = await this.#rows();
		const end = parseLsn(textOf(row, 'recptr'));
		for (let event = await this.#take(); event; event = await this.#take()) void event;
		return end;
	}

	async *#ofOneStream(): AsyncGenerator<SentArchive, void, undefined> {
		await this.#expect('copy');
		for (let event = await this.#take(); event; event = await this.#take()) {
			if (event.type === 'copyEnd') return;
			const { bytes } = dataOf(event);
			const kind = bytes[0];
			if (kind === NEW_ARCHIVE) {
				const oid = /^(\d+)\.tar/.exec(bytes.toString('latin1', 1))?.[1];
				yield { ...(oid === undefined ? { type: 'data' } : { type: 'tablespace', oid }), content: this.#data() };
			} else if (kind === MANIFEST) yield { type: 'manifest', content: this.#data() };
			else if (kind !== PROGRESS) throw protocolViolation('a message of a base backup that is not known');
		}
		throw protocolViolation('a base backup without its end');
	}

	/** Data up to what is none. */
	async *#data(): AsyncGenerator<Uint8Array, void, undefined> {
		for (;;) {
			const event = await this.#take();
			if (event?.type === 'data' && event.bytes[0] === DATA) yield event.bytes.subarray(1);
			else if (event?.type !== 'data' || event.bytes[0] !== PROGRESS) {
				this.#next = event;
				return;
			}
		}
	}

	/** The server sends the tablespaces in the order of its rows, the data directory last, and then the manifest. */
	async *#ofStreams(): AsyncGenerator<SentArchive, void, undefined> {
		const { tablespaces } = this.#start!;
		for (let index = 0; ; index++) {
			const event = await this.#take();
			if (event?.type !== 'copy') {
				this.#next = event;
				if (index <= tablespaces.length) throw protocolViolation('a base backup without its data directory');
				return;
			}
			const oid = tablespaces[index]?.oid;
			if (oid !== undefined) yield { type: 'tablespace', oid, content: this.#stream(true) };
			else if (index === tablespaces.length) yield { type: 'data', content: this.#stream(true) };
			else yield { type: 'manifest', content: this.#stream(false) };
		}
	}

	async *#stream(isTar: boolean): AsyncGenerator<Uint8Array, void, undefined> {
		for (let event = await this.#take(); event?.type !== 'copyEnd'; event = await this.#take()) {
			yield dataOf(event).bytes;
		}
		if (isTar) yield tarEnd();
	}

	async #rows(): Promise<ReplicationRow[]> {
		const event = await this.#take();
		if (event?.type !== 'rows') throw protocolViolation('a base backup without its position');
		return event.rows;
	}

	async #expect(type: AnswerEvent['type']): Promise<void> {
		if ((await this.#take())?.type !== type) throw protocolViolation('a base backup without data');
	}

	async #take(): Promise<AnswerEvent | undefined> {
		const next = this.#next;
		this.#next = undefined;
		if (next) return next;
		const result = await this.#events.next();
		return result.done ? undefined : result.value;
	}
}

const NEW_ARCHIVE = 0x6e; // n
const DATA = 0x64; // d
const MANIFEST = 0x6d; // m
const PROGRESS = 0x70; // p

function dataOf(event: AnswerEvent | undefined): { bytes: Buffer } {
	if (event?.type !== 'data') throw protocolViolation('a base backup that ends within an archive');
	return event;
}
