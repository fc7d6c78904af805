/**
 * What an archive_command has put into a folder or a bucket: segments and histories of timelines as the server calls them (%f), plain or
 * compressed (`.gz`, `.zst`). What lies beside them is passed over: notes on base backups (`.backup`), and the segment that a standby leaves
 * unfinished when it becomes the primary (`.partial`), with which nothing is lost, for the new timeline's first segment begins with the same.
 */
import { unpack } from '../../../archive';
import { BackupError, throwIfCancelled } from '../../../errors';
import type { Storage } from '../../../storage';
import { LONGEST_HISTORY, parseHistory, type Ancestor } from '../coverage';
import { parseHistoryName } from '../lsn';
import { LONG_HEADER, parsePageHeader, WalDamage, type SegmentHeader } from './page';
import type { HistoryFile } from './stretchArchive';

const SEGMENT = /^([0-9A-F]{24})(?:\.(?:gz|zst))?$/;
const HISTORY = /^([0-9A-F]{8}\.history)(?:\.(?:gz|zst))?$/;
/** Compressed in a way that Node knows nothing of, or encrypted. */
const UNREADABLE = /^[0-9A-F]{24}\.(?:lz4|bz2|xz|lzo|br|lz|Z|gpg|pgp|enc|age)$/;

export interface ArchivedFiles {
	/** Keys by the names of segments, in their order. */
	segments: Map<string, string>;
	/** Keys by the names of histories. */
	histories: Map<string, string>;
	/** Keys of segments that cannot be read here. */
	unreadable: string[];
}

/** @param prefix the beginning of their keys; folders below it are looked through as well. @throws BackupError as the storage does */
export async function listArchived(
	files: Storage,
	prefix: string,
	signal: AbortSignal | undefined,
): Promise<ArchivedFiles> {
	const segments = new Map<string, string>();
	const found: ArchivedFiles = { segments, histories: new Map(), unreadable: [] };
	for await (const { key } of files.list(prefix)) {
		throwIfCancelled(signal);
		const file = key.slice(key.lastIndexOf('/') + 1);
		const segment = SEGMENT.exec(file)?.[1];
		const history = HISTORY.exec(file)?.[1];
		if (segment !== undefined) segments.set(segment, key);
		else if (history !== undefined) found.histories.set(history, key);
		else if (UNREADABLE.test(file)) found.unreadable.push(key);
	}
	found.segments = new Map([...segments].sort(([a], [b]) => (a < b ? -1 : 1)));
	return found;
}

/** A file of others that is not taken: what is wrong with it, and what to do. What the storage itself fails with is none. */
export class RefusedFile extends Error {
	constructor(
		readonly key: string,
		readonly reason: BackupError,
	) {
		super(reason.message);
	}
}

/** What may be wrong with a file of others; all else is of the storage. */
const OF_FILES = ['ARCHIVE_CORRUPT', 'ARCHIVE_INCOMPLETE', 'INVALID_INPUT', 'KEY_MISSING'];

/**
 * The content of a file, decompressed.
 * @throws RefusedFile, here or on the way; what the storage throws
 */
export async function openArchived(
	files: Storage,
	key: string,
	signal: AbortSignal | undefined,
): Promise<{ head: Buffer; content: AsyncGenerator<Buffer, void, undefined> }> {
	try {
		const { head, stream } = await unpack(await files.read(key, { ...(signal && { signal }) }), { signal });
		return { head, content: telling(key, stream) };
	} catch (error) {
		throw refusedFor(key, error);
	}
}

async function* telling(key: string, stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
	try {
		yield* stream;
	} catch (error) {
		throw refusedFor(key, error);
	}
}

function refusedFor(key: string, error: unknown): unknown {
	if (!(error instanceof BackupError) || !OF_FILES.includes(error.code)) return error;
	const { code, message, hint } = error;
	return new RefusedFile(key, new BackupError(code, `${key}: ${message}`, { ...(hint !== undefined && { hint }) }));
}

export type ArchivedHeader = SegmentHeader & { version: number };

/** What the first page of a segment says. @throws RefusedFile; what the storage throws */
export async function readSegmentHeader(
	files: Storage,
	key: string,
	signal: AbortSignal | undefined,
): Promise<ArchivedHeader> {
	const { head, content } = await openArchived(files, key, signal);
	// Leaving it after its beginning closes what it comes from.
	for await (const piece of content) if (piece.length > 0) break;
	return headerIn(key, head);
}

/** The same of a segment whose beginning is there. @throws RefusedFile */
export function headerIn(key: string, head: Buffer): ArchivedHeader {
	if (head.length < LONG_HEADER) throw refused(key, 'is too short to be a WAL segment', 'ARCHIVE_INCOMPLETE');
	const view = new DataView(head.buffer, head.byteOffset, head.length);
	try {
		const { segment, version } = parsePageHeader(view, view.getBigUint64(8, true));
		if (segment) return { ...segment, version };
	} catch (error) {
		if (error instanceof WalDamage) throw damaged(key, error);
		throw error;
	}
	throw refused(key, 'is no WAL segment');
}

export interface ReadHistory extends HistoryFile {
	ancestors: Ancestor[];
}

/**
 * The histories that are there, by timeline.
 * @param onRefused gets those that are none
 * @throws what the storage throws
 */
export async function readHistories(
	files: Storage,
	keys: ReadonlyMap<string, string>,
	onRefused: (refused: RefusedFile) => void,
	signal: AbortSignal | undefined,
): Promise<Map<number, ReadHistory>> {
	const histories = new Map<number, ReadHistory>();
	for (const [name, key] of keys) {
		const timeline = parseHistoryName(name);
		if (timeline === undefined) continue;
		try {
			histories.set(timeline, await readHistory(files, key, timeline, signal));
		} catch (error) {
			if (!(error instanceof RefusedFile)) throw error;
			onRefused(error);
		}
	}
	return histories;
}

async function readHistory(files: Storage, key: string, timeline: number, signal: AbortSignal | undefined) {
	const pieces: Buffer[] = [];
	let length = 0;
	const { content: stream } = await openArchived(files, key, signal);
	for await (const piece of stream) {
		length += piece.length;
		if (length > LONGEST_HISTORY) throw refused(key, 'is too long for a history');
		pieces.push(Buffer.from(piece));
	}
	const content = Buffer.concat(pieces);
	try {
		return { timeline, content, ancestors: parseHistory(content.toString('latin1'), timeline) };
	} catch (error) {
		throw refusedFor(key, error);
	}
}

const AGAIN = 'Get it from the server once more where that still has it (pg_wal).';

/** A file that is not what its name says. @param what ends a sentence that begins with its key */
export function refused(
	key: string,
	what: string,
	code: 'ARCHIVE_CORRUPT' | 'ARCHIVE_INCOMPLETE' = 'ARCHIVE_CORRUPT',
): RefusedFile {
	const hint = `${AGAIN} Let archive_command write under another name, and rename the file when it is whole.`;
	return new RefusedFile(key, new BackupError(code, `${key} ${what}.`, { hint }));
}

export function damaged(key: string, cause: WalDamage): RefusedFile {
	const hint = `${AGAIN} Otherwise make a base backup, so that recovery can begin behind it.`;
	return new RefusedFile(
		key,
		new BackupError('ARCHIVE_CORRUPT', `${key} is damaged: it ${cause.message}.`, { cause, hint }),
	);
}

/** @param wanted whose it should be */
export function foreign(key: string, { systemIdentifier }: ArchivedHeader, wanted: string): RefusedFile {
	const message = `${key} is of another cluster, ${systemIdentifier} and not ${wanted}.`;
	const hint = 'Each server needs a place of its own for its archive_command. Move the file to where it belongs.';
	return new RefusedFile(key, new BackupError('INVALID_INPUT', message, { hint }));
}
