/** Writes the log that a server recovers by into its data directory, each record checked on the way. */
import type { ArchiveReader } from '../../../archive';
import { throwIfCancelled } from '../../../errors';
import { historyText, type Ancestor, type StretchFacts } from '../coverage';
import { historyName, type Lsn } from '../lsn';
import type { DraftFolder } from './draftFolder';
import { LogCheck, readStretch } from './log';
import { WAL_FOLDER } from './settings';

export interface WriteLogOptions {
	log: readonly { stretch: StretchFacts; reader: ArchiveReader }[];
	/** The ancestors of every timeline that is known, by its number. */
	histories: ReadonlyMap<number, readonly Ancestor[]>;
	systemIdentifier: string;
	/** Segments that begin here or later are not needed. */
	toLsn: Lsn;
	signal?: AbortSignal | undefined;
	/** Called with the bytes that were written since it was called last. */
	onBytes?: ((bytes: number) => void) | undefined;
}

/** @returns the segments that were written. @throws BackupError ARCHIVE_CORRUPT, what the readers and the file system throw */
export async function writeLog(draft: DraftFolder, options: WriteLogOptions): Promise<number> {
	const { log, systemIdentifier, toLsn, signal, onBytes } = options;
	const check = new LogCheck(systemIdentifier);
	const histories = new Set<string>();
	let segments = 0;
	/** The last one; where it was stored before it was full, another stretch may have all of it. */
	let last = { timeline: 0, startLsn: -1n, isPartial: false };
	await draft.makeFolder(WAL_FOLDER);
	for (const { stretch, reader } of log) {
		throwIfCancelled(signal);
		const { timeline, segmentBytes } = stretch;
		const end = stretch.endLsn < toLsn ? stretch.endLsn : toLsn;
		await readStretch(
			reader,
			stretch,
			{
				history: async (name, content) => {
					if (histories.has(name)) return await drain(content);
					histories.add(name);
					await draft.write(`${WAL_FOLDER}/${name}`, content);
				},
				segment: async (name, startLsn, content, isPartial) => {
					const isAgain = timeline === last.timeline && startLsn <= last.startLsn;
					const isMore = isAgain && startLsn === last.startLsn && last.isPartial;
					if (startLsn >= end || (isAgain && !isMore)) return await drain(content);
					const file = `${WAL_FOLDER}/${name}`;
					if (isMore) await draft.removeFile(file);
					else segments++;
					last = { timeline, startLsn, isPartial };
					const checked = check.segment(reader, timeline, startLsn, content);
					await draft.write(file, counted(checked, onBytes), segmentBytes);
				},
			},
			signal,
		);
	}
	await writeHistories(draft, options.histories, histories);
	return segments;
}

/**
 * Writes the histories that no stretch brought. The server does not start without that of the timeline it is to follow, though it may
 * end before the others began; and when it opens, it takes the first number for its own timeline that has no history here. One that
 * is taken already would bring two different logs under the same names into an archive.
 */
async function writeHistories(
	draft: DraftFolder,
	histories: ReadonlyMap<number, readonly Ancestor[]>,
	written: ReadonlySet<string>,
): Promise<void> {
	for (const [timeline, ancestors] of histories) {
		const name = historyName(timeline);
		// The first timeline has none.
		if (timeline === 1 || written.has(name)) continue;
		await draft.write(`${WAL_FOLDER}/${name}`, [Buffer.from(historyText(ancestors))]);
	}
}

async function* counted(
	content: AsyncIterable<Uint8Array>,
	onBytes: ((bytes: number) => void) | undefined,
): AsyncGenerator<Uint8Array> {
	for await (const chunk of content) {
		yield chunk;
		onBytes?.(chunk.length);
	}
}

async function drain(content: AsyncIterable<Uint8Array>): Promise<void> {
	for await (const chunk of content) void chunk;
}
