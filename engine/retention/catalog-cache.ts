/**
 * What an earlier run read of the manifests of a storage, so that the next one need not read a hundred thousand again. It
 * is kept as gzip of lines of JSON, the first of which tells the version: `[key of the archive, size and time of its
 * manifest, what the manifest tells, since when it is lost]`. It is written and read a line at a time, so nothing but the
 * compressed text (50 bytes a backup) is ever in memory beside the backups themselves; and gzip's checksum tells whether
 * it is whole. It saves work and decides nothing: a line counts only for a manifest of that size and time.
 */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';

import { BACKUP_KINDS } from '../archive';
import { BackupError } from '../errors';
import type { Storage } from '../storage/storage';
import type { RetentionEntry } from './entry';
import { HOUSEKEEPING } from './housekeeping';

const CACHE_KEY = `${HOUSEKEEPING}catalog.jsonl.gz`;
const FIRST_LINE = '{"version":3}';

/** Far more than a line takes up. */
const MAX_LINE = 1024 * 1024;
const LINES_AT_ONCE = 500;

/** One manifest as it was read. */
export interface KnownManifest {
	/** Of the archive. */
	key: string;
	/** Of the manifest when it was read: its size and when it was last changed, in milliseconds. */
	size: number;
	modifiedAt: number;
	/** What it tells; nothing of what the storage tells is in it. */
	told: ManifestFacts;
	/** When a run first missed the manifest, ISO 8601. */
	lostSince: string | undefined;
}

/** What retention takes from a manifest. */
export type ManifestFacts = Omit<
	RetentionEntry,
	'key' | 'complete' | 'verified' | 'lockedUntil' | 'legalHold' | 'sharedAs' | 'modifiedAt'
>;

/**
 * Hands on every manifest that an earlier run knew.
 * @returns true where the cache is whole; else what was handed on does not count
 * @throws BackupError CANCELLED, and what the storage throws
 */
export async function readCache(
	storage: Storage,
	handOn: (known: KnownManifest) => void,
	signal: AbortSignal | undefined,
): Promise<boolean> {
	try {
		const source = await storage.read(CACHE_KEY, signal ? { signal } : {});
		await pipeline(source, createGunzip(), async (text: AsyncIterable<Uint8Array>) => {
			let isFirst = true;
			for await (const line of linesOf(text)) {
				if (isFirst && line !== FIRST_LINE) throw new SyntaxError('It is of another version.');
				const known = isFirst ? undefined : knownIn(JSON.parse(line));
				isFirst = false;
				if (known) handOn(known);
			}
		});
		return true;
	} catch (error) {
		// There is none, or it is damaged: the manifests are what counts.
		if (!(error instanceof BackupError) || error.code === 'STORAGE_MISSING') return false;
		throw error;
	}
}

/** Replaces the cache. @throws BackupError CANCELLED, and what the storage throws */
export async function writeCache(
	storage: Storage,
	known: Iterable<KnownManifest>,
	signal: AbortSignal | undefined,
): Promise<void> {
	const compressed: Buffer[] = [];
	await pipeline(Readable.from(textOf(known)), createGzip({ level: 1 }), async (chunks: AsyncIterable<Buffer>) => {
		for await (const chunk of chunks) compressed.push(chunk);
	});
	await storage.replace(CACHE_KEY, Buffer.concat(compressed), signal ? { signal } : {});
}

function* textOf(known: Iterable<KnownManifest>): Generator<string> {
	let lines = [FIRST_LINE];
	for (const { key, size, modifiedAt, told, lostSince } of known) {
		const { id, kind, name, origin, partial, startedAt, finishedAt, size: stored, tags, pinned, parent } = told;
		const facts = { id, kind, name, origin, partial, startedAt, finishedAt, size: stored, tags, pinned, parent };
		lines.push(JSON.stringify([key, size, modifiedAt, facts, ...(lostSince === undefined ? [] : [lostSince])]));
		if (lines.length < LINES_AT_ONCE) continue;
		yield `${lines.join('\n')}\n`;
		lines = [];
	}
	if (lines.length > 0) yield `${lines.join('\n')}\n`;
}

async function* linesOf(text: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
	const decoder = new TextDecoder('utf-8', { fatal: true });
	let rest = '';
	for await (const chunk of text) {
		const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
		rest = lines.pop() ?? '';
		if (rest.length > MAX_LINE) throw new SyntaxError('It has no lines.');
		yield* lines;
	}
	if (rest !== '') throw new SyntaxError('It ends in the middle of a line.');
}

const KINDS: ReadonlySet<unknown> = new Set(BACKUP_KINDS);
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?Z$/;

/** Undefined for what this version would not have written. */
function knownIn(line: unknown): KnownManifest | undefined {
	if (!Array.isArray(line)) return undefined;
	const [key, size, modifiedAt, told, lostSince] = line as unknown[];
	if (!isText(key) || !isNumber(size) || !isNumber(modifiedAt) || !areFacts(told)) return undefined;
	if (lostSince !== undefined && !isTime(lostSince)) return undefined;
	return { key, size, modifiedAt, told, lostSince };
}

function areFacts(told: unknown): told is ManifestFacts {
	if (typeof told !== 'object' || told === null) return false;
	const { id, kind, name, origin, partial, startedAt, finishedAt, size, tags, pinned, parent } = told as Record<
		keyof ManifestFacts,
		unknown
	>;
	return (
		[id, name].every(isText) &&
		KINDS.has(kind) &&
		[origin, partial, parent].every((some) => some === undefined || isText(some)) &&
		[startedAt, finishedAt].every(isTime) &&
		isNumber(size) &&
		Array.isArray(tags) &&
		tags.every(isText) &&
		typeof pinned === 'boolean'
	);
}

function isText(value: unknown): value is string {
	return typeof value === 'string';
}

function isNumber(value: unknown): value is number {
	return typeof value === 'number';
}

function isTime(value: unknown): value is string {
	return isText(value) && TIME.test(value) && !Number.isNaN(Date.parse(value));
}
