/**
 * What a mirror remembers of each copy: the source's version and the target's, as they were when the copy was made. The
 * versions of two servers are never compared with each other, so this is what tells an unchanged object from a changed one, and
 * by listings alone.
 *
 * It lies in the target, in chunks of sorted records. A head names the chunks; it is replaced at once, so that what it
 * names is always consistent, and a chunk is never changed. While a mirror runs, chunks in which nothing changed are taken over as
 * they are. A checkpoint is a head of new chunks up to a name and old ones from there on; the old chunk in the middle is
 * read only after that name.
 */
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';

import { compareNames } from '../../tree';

/** A copy that was made. */
export interface StateRecord {
	name: string;
	size: number;
	/** Version of the source. */
	source: string;
	/** Version of the target. */
	target: string;
}

export interface ChunkRef {
	/** Its file. */
	key: string;
	/** Only its records after this name count. */
	after?: string;
}

export interface StateHead {
	format: 1;
	chunks: readonly ChunkRef[];
}

/** Chunks are closed at whichever comes first. */
export const CHUNK_RECORDS = 8192;
export const CHUNK_BYTES = 2 * 1024 * 1024;
const LARGEST_CHUNK = 64 * 1024 * 1024;
const MAX_TEXT = 64 * 1024;

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

export async function formatChunk(records: readonly StateRecord[]): Promise<Buffer> {
	const lines = records.map(({ name, size, source, target }) => JSON.stringify([name, size, source, target]));
	return await compress(Buffer.from(`${lines.join('\n')}\n`));
}

/** The records of a chunk; undefined for what is none. */
export async function parseChunk(content: Uint8Array): Promise<StateRecord[] | undefined> {
	try {
		const text = (await decompress(content, { maxOutputLength: LARGEST_CHUNK })).toString('utf8');
		const records: StateRecord[] = [];
		for (const line of text.split('\n')) {
			if (line === '') continue;
			const record = recordOf(JSON.parse(line));
			const before = records.at(-1);
			if (!record || (before && compareNames(before.name, record.name) >= 0)) return undefined;
			records.push(record);
		}
		return records;
	} catch {
		return undefined;
	}
}

function recordOf(read: unknown): StateRecord | undefined {
	if (!Array.isArray(read) || read.length !== 4) return undefined;
	const [name, size, source, target] = read as unknown[];
	const isSize = typeof size === 'number' && Number.isSafeInteger(size) && size >= 0;
	return isSize && isText(name) && isText(source) && isText(target) ? { name, size, source, target } : undefined;
}

function isText(value: unknown): value is string {
	return typeof value === 'string' && value.length <= MAX_TEXT;
}

export function formatHead(chunks: readonly ChunkRef[]): Buffer {
	return Buffer.from(JSON.stringify({ format: 1, chunks } satisfies StateHead));
}

/** Undefined for what is no head, or one of a later form. */
export function parseHead(content: Uint8Array): ChunkRef[] | undefined {
	try {
		const { format, chunks } = JSON.parse(Buffer.from(content).toString('utf8')) as Partial<Record<string, unknown>>;
		if (format !== 1 || !Array.isArray(chunks)) return undefined;
		const isRef = (chunk: Partial<ChunkRef>) =>
			typeof chunk.key === 'string' &&
			/^[0-9a-f-]{36}$/.test(chunk.key) &&
			(chunk.after === undefined || isText(chunk.after));
		return (chunks as ChunkRef[]).every(isRef) ? (chunks as ChunkRef[]) : undefined;
	} catch {
		return undefined;
	}
}
