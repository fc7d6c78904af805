/**
 * The log as a recovery reads it: stretches from archives, one after the other. Every record's CRC is compared on the way (wal/reader.ts),
 * so what a server is given is what a server has written.
 */
import type { ArchiveReader } from '../../../archive';
import { ByteCursor, EndedEarly } from '../../../archive/cursor';
import { BackupError } from '../../../errors';
import { TarDamage, walkTar } from '../../../tar';
import { shownName } from '../../../tree';
import type { StretchFacts } from '../coverage';
import { parseHistoryName, parseSegmentName, type Lsn } from '../lsn';
import { WalDamage, WalReader, type WalEvent } from '../wal';
import { rawBytes } from './baseArchive';

const PARTIAL = '.partial';

/** What takes the files of a stretch; each reads its content to the end. */
export interface LogVisitor {
	/** A segment from its beginning; what a partial one lacks at its end is not in the content. */
	segment(name: string, startLsn: Lsn, content: AsyncIterable<Uint8Array>, isPartial: boolean): Promise<void>;
	/** `00000002.history` */
	history(name: string, content: AsyncIterable<Uint8Array>): Promise<void>;
}

/** Goes through the files of a stretch. @throws BackupError ARCHIVE_CORRUPT, what the reader and the visitor throw */
export async function readStretch(
	reader: ArchiveReader,
	{ segmentBytes }: Pick<StretchFacts, 'segmentBytes'>,
	visitor: LogVisitor,
	signal?: AbortSignal,
): Promise<void> {
	const cursor = new ByteCursor(rawBytes(reader, () => true, { signal }));
	cursor.releasesSlices = true;
	try {
		await walkTar(cursor, async ({ name, type, storedSize }) => {
			const isPartial = name.endsWith(PARTIAL);
			const place = parseSegmentName(isPartial ? name.slice(0, -PARTIAL.length) : name, segmentBytes);
			const content = cursor.pass(storedSize);
			if (type === 'file' && parseHistoryName(name) !== undefined) await visitor.history(name, content);
			else if (type === 'file' && place && (isPartial ? storedSize <= segmentBytes : storedSize === segmentBytes)) {
				const segment = isPartial ? name.slice(0, -PARTIAL.length) : name;
				await visitor.segment(segment, place.startLsn, content, isPartial);
			} else throw damaged(reader, `it holds ${shownName(name)}, which is no segment`);
		});
	} catch (error) {
		if (error instanceof TarDamage || error instanceof EndedEarly) throw damaged(reader, `its tar ${error.message}`);
		throw error;
	} finally {
		await cursor.close();
	}
}

/** Checks the log while it goes by, stretch after stretch. */
export class LogCheck {
	readonly #systemIdentifier: string;
	readonly #onEvent: ((event: WalEvent) => void) | undefined;
	#reader: WalReader | undefined;
	#timeline = 0;

	constructor(systemIdentifier: string, onEvent?: (event: WalEvent) => void) {
		this.#systemIdentifier = systemIdentifier;
		this.#onEvent = onEvent;
	}

	/** Where the last whole record begins, and where it ends; undefined before the first one. */
	get last(): { lsn: Lsn; endLsn: Lsn } | undefined {
		const lsn = this.#reader?.lastRecordLsn;
		return lsn === undefined ? undefined : { lsn, endLsn: this.#reader!.endOfRecords };
	}

	/** Hands on the content of a segment. @throws BackupError ARCHIVE_CORRUPT */
	async *segment(
		archive: ArchiveReader,
		timeline: number,
		startLsn: Lsn,
		content: AsyncIterable<Uint8Array>,
	): AsyncGenerator<Uint8Array> {
		// A segment that comes once more, because more of it was stored later, is read anew.
		if (this.#timeline !== timeline || this.#reader?.endLsn !== startLsn) {
			const systemIdentifier = this.#systemIdentifier;
			this.#reader = new WalReader({ startLsn, timeline, systemIdentifier, onEvent: this.#onEvent });
			this.#timeline = timeline;
		}
		for await (const chunk of content) {
			try {
				this.#reader.take(chunk);
			} catch (error) {
				if (error instanceof WalDamage) throw damaged(archive, `it ${error.message}`, error);
				throw error;
			}
			yield chunk;
		}
	}
}

function damaged({ key }: ArchiveReader, what: string, cause?: unknown): BackupError {
	return new BackupError('ARCHIVE_CORRUPT', `The WAL in ${key} is damaged: ${what}.`, {
		...(cause !== undefined && { cause }),
		hint: 'Recovery can end before it, or begin from a base backup that was made after it.',
	});
}
