/**
 * Takes in segments that an archive_command has put into a folder or a bucket, plain or compressed (`.gz`, `.zst`): each is read once, checked
 * record by record, and stored in an archive like those of a slot. What is stored already is passed over. `.partial` segments, which a
 * standby leaves when it becomes the primary, are no loss: the new timeline's first segment begins with the same.
 */
import { unpack, type ArchiveChoices, type Manifest, type ManifestTrust } from '../../../archive';
import { BackupError, throwIfCancelled } from '../../../errors';
import type { Storage } from '../../../storage';
import { coverageOf, LONGEST_HISTORY, parseHistory, union, type Ancestor, type Coverage } from '../coverage';
import { historyName, parseHistoryName, parseSegmentName, type Lsn } from '../lsn';
import { WalCollector, type StoredStretch } from './collector';
import { LONG_HEADER, parsePageHeader, WalDamage, type SegmentHeader } from './page';
import { StoredLog } from './storedLog';
import type { HistoryFile, StretchTarget } from './stretchArchive';

const SEGMENT = /^([0-9A-F]{24})(\.(gz|zst))?$/;
const HISTORY = /^([0-9A-F]{8}\.history)(\.(gz|zst))?$/;

export interface TakeInOptions extends ArchiveChoices {
	/** Where the segments lie. */
	files: Storage;
	/** The beginning of their keys, with a slash at its end where it is a folder. */
	prefix: string;
	/** How the backups are called. */
	name: string;
	trust?: ManifestTrust | undefined;
}

export interface TakeInReport {
	stored: Manifest[];
	/** Segments that were there, and how many of them were stored before. */
	segments: number;
	known: number;
	coverage: Coverage;
}

/** A segment that is to be taken in. */
interface SegmentFile {
	key: string;
	timeline: number;
	startLsn: Lsn;
}

/**
 * Takes in what is not stored yet.
 * @throws BackupError INVALID_INPUT where there are no segments; ARCHIVE_CORRUPT, ARCHIVE_INCOMPLETE with the file that is damaged: what comes
 * before it is stored; STORAGE_*, CANCELLED
 */
export async function takeInWal(options: TakeInOptions): Promise<TakeInReport> {
	const { files, prefix, storage, trust, signal } = options;
	const found = await listSegments(files, prefix, signal);
	const [first] = found.segments.values();
	if (first === undefined)
		throw new BackupError('INVALID_INPUT', `There are no WAL segments below ${prefix} in the ${files.description}.`, {
			hint: 'Check the folder, and that archive_command puts files there that are called as PostgreSQL calls them (%f), with .gz or .zst where they are compressed.',
		});
	const header = await readHeader(files, first, signal);
	const { systemIdentifier, segmentBytes } = header;
	const log = await StoredLog.find(storage, systemIdentifier, { trust, signal });
	const histories = await readHistories(files, found.histories, signal);
	const cluster = { systemIdentifier, segmentBytes, version: String(header.version) };
	const target: StretchTarget = { choices: options, name: options.name, cluster, connection: undefined };
	const stored: StoredStretch[] = [];
	const onStored = (one: StoredStretch) => {
		log.add(one);
		stored.push(one);
		return Promise.resolve();
	};
	const missing = unknownSegments(found.segments, segmentBytes, log);
	for (const run of runsOf(missing, segmentBytes)) await takeInRun(run, { files, target, histories, onStored, signal });
	for (const one of stored) await log.removeReplaced(one, signal);
	return {
		stored: stored.map(({ manifest }) => manifest),
		segments: found.segments.size,
		known: found.segments.size - missing.length,
		coverage: coverageOf(log.cluster),
	};
}

/** Keys by the names of segments, in their order, and by those of histories. */
async function listSegments(files: Storage, prefix: string, signal: AbortSignal | undefined) {
	const segments = new Map<string, string>();
	const histories = new Map<string, string>();
	for await (const { key } of files.list(prefix)) {
		throwIfCancelled(signal);
		const file = key.slice(key.lastIndexOf('/') + 1);
		const [, segment] = SEGMENT.exec(file) ?? [];
		const [, history] = HISTORY.exec(file) ?? [];
		if (segment !== undefined) segments.set(segment, key);
		if (history !== undefined) histories.set(history, key);
	}
	return { segments: new Map([...segments].sort(([a], [b]) => (a < b ? -1 : 1))), histories };
}

/** @throws BackupError ARCHIVE_CORRUPT */
async function readHeader(
	files: Storage,
	key: string,
	signal: AbortSignal | undefined,
): Promise<SegmentHeader & { version: number }> {
	const { head, stream } = await unpack(await files.read(key, { ...(signal && { signal }) }), { signal });
	// Leaving it after its beginning closes what it comes from.
	for await (const piece of stream) if (piece.length > 0) break;
	try {
		if (head.length < LONG_HEADER)
			throw new BackupError('ARCHIVE_INCOMPLETE', `${key} is too short to be a WAL segment.`);
		const view = new DataView(head.buffer, head.byteOffset, head.length);
		const { segment, version } = parsePageHeader(view, view.getBigUint64(8, true));
		if (segment) return { ...segment, version };
	} catch (error) {
		if (error instanceof WalDamage) throw damaged(key, error);
		throw error;
	}
	throw new BackupError('ARCHIVE_CORRUPT', `${key} is no WAL segment.`);
}

async function readHistories(
	files: Storage,
	keys: ReadonlyMap<string, string>,
	signal: AbortSignal | undefined,
): Promise<Map<number, HistoryFile & { ancestors: Ancestor[] }>> {
	const histories = new Map<number, HistoryFile & { ancestors: Ancestor[] }>();
	for (const [name, key] of keys) {
		const timeline = parseHistoryName(name);
		if (timeline === undefined) continue;
		const pieces: Buffer[] = [];
		let length = 0;
		const { stream } = await unpack(await files.read(key, { ...(signal && { signal }) }), { signal });
		for await (const piece of stream) {
			length += piece.length;
			if (length > LONGEST_HISTORY) throw new BackupError('ARCHIVE_CORRUPT', `${key} is too long for a history.`);
			pieces.push(Buffer.from(piece));
		}
		const content = Buffer.concat(pieces);
		histories.set(timeline, { timeline, content, ancestors: parseHistory(content.toString('latin1'), timeline) });
	}
	return histories;
}

/** Those of which a part is not stored. */
function unknownSegments(segments: ReadonlyMap<string, string>, segmentBytes: number, log: StoredLog): SegmentFile[] {
	const { stretches } = log.cluster;
	const timelines = new Set(stretches.map(({ timeline }) => timeline));
	const known = new Map(
		[...timelines].map((timeline) => [timeline, union(stretches.filter((one) => one.timeline === timeline))]),
	);
	return [...segments].flatMap(([name, key]): SegmentFile[] => {
		const place = parseSegmentName(name, segmentBytes);
		if (!place) return [];
		const end = place.startLsn + BigInt(segmentBytes);
		const isKnown = known.get(place.timeline)?.some((one) => one.startLsn <= place.startLsn && one.endLsn >= end);
		return isKnown ? [] : [{ key, ...place }];
	});
}

/** Segments that follow one another on one timeline. */
function runsOf(segments: readonly SegmentFile[], segmentBytes: number): SegmentFile[][] {
	const runs: SegmentFile[][] = [];
	for (const segment of segments) {
		const before = runs.at(-1)?.at(-1);
		const follows =
			before?.timeline === segment.timeline && before.startLsn + BigInt(segmentBytes) === segment.startLsn;
		if (follows) runs.at(-1)!.push(segment);
		else runs.push([segment]);
	}
	return runs;
}

interface RunOfFiles {
	files: Storage;
	target: StretchTarget;
	histories: ReadonlyMap<number, HistoryFile & { ancestors: Ancestor[] }>;
	onStored: (stored: StoredStretch) => Promise<void>;
	signal: AbortSignal | undefined;
}

async function takeInRun(run: readonly SegmentFile[], { files, target, histories, onStored, signal }: RunOfFiles) {
	const { timeline, startLsn } = run[0]!;
	const before = [...histories.values()].filter((one) => one.timeline <= timeline);
	const history = histories.get(timeline)?.ancestors;
	if (timeline > 1 && !history)
		throw new BackupError('ARCHIVE_INCOMPLETE', `The history of timeline ${timeline} is missing.`, {
			hint: `Put ${historyName(timeline)} beside the segments: the server has it in pg_wal.`,
		});
	const start = { timeline, history: history ?? [], histories: before, startLsn, storedLsn: startLsn };
	const collector = new WalCollector(target, start, onStored);
	try {
		for (const segment of run) await takeInSegment(segment, { files, collector, signal, target });
	} catch (error) {
		if (!(error instanceof BackupError) || error.code === 'CANCELLED') {
			await collector.abort(error);
			throw error;
		}
		// What comes before it is good: it is stored, unless the segment before was damaged at its end.
		await collector.commitWhole();
		throw error;
	}
	await collector.commitWhole();
}

async function takeInSegment(
	{ key, startLsn }: SegmentFile,
	{ files, collector, signal, target }: Pick<RunOfFiles, 'files' | 'signal' | 'target'> & { collector: WalCollector },
): Promise<void> {
	const { segmentBytes } = target.cluster;
	const { stream } = await unpack(await files.read(key, { ...(signal && { signal }) }), { signal });
	let at = startLsn;
	for await (const chunk of stream) {
		throwIfCancelled(signal);
		if (at + BigInt(chunk.length) > startLsn + BigInt(segmentBytes)) throw wrongLength(key);
		await collector.take(at, chunk, undefined).catch((error: unknown) => {
			throw error instanceof BackupError && error.cause instanceof WalDamage ? damaged(key, error.cause) : error;
		});
		at += BigInt(chunk.length);
	}
	if (at !== startLsn + BigInt(segmentBytes)) throw wrongLength(key);
}

function wrongLength(key: string): BackupError {
	return new BackupError('ARCHIVE_INCOMPLETE', `${key} has not the length of a WAL segment.`, {
		hint: 'It may still be written: let archive_command write under another name, and rename the file when it is whole.',
	});
}

function damaged(key: string, cause: WalDamage): BackupError {
	return new BackupError('ARCHIVE_CORRUPT', `${key} is damaged: it ${cause.message}.`, {
		cause,
		hint: 'Get it from the server once more where that still has it (pg_wal). Otherwise make a base backup, so that recovery can begin behind it.',
	});
}
