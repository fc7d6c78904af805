/**
 * What an earlier run read of the manifests of a storage, so that the next one need not read a hundred thousand again. It
 * is kept as gzip of lines of JSON, the first of which tells the version: `[key of the archive, size and time of its
 * manifest, what the manifest tells, since when it is lost]`. It is written and read a line at a time, so nothing but the
 * compressed text (50 bytes a backup) is ever in memory beside the backups themselves; and gzip's checksum tells whether
 * it is whole. It saves work and decides nothing: a line counts only for a manifest of that size and time.
 *
 * Whoever can write to the storage could write a cache as well, so a run that believes only manifests with a proof believes
 * only a cache with one: its last line is an HMAC of all before it, under a key from the same passphrase.
 */
import { createHmac, timingSafeEqual, type Hmac } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';

import { z } from 'zod';

import { BACKUP_KINDS, LIMITS, type ManifestTrust } from '../archive';
import { manifestKey, writingKey, type ManifestKey } from '../archive/manifest-key';
import { BackupError } from '../errors';
import type { Storage } from '../storage/storage';
import type { RetentionEntry } from './entry';
import { HOUSEKEEPING } from './housekeeping';

const CACHE_KEY = `${HOUSEKEEPING}catalog.jsonl.gz`;

/** A run that believes less must not be led by what another one believed. */
const headSchema = z.object({
	version: z.literal(4),
	/** Only what is encrypted. */
	encrypted: z.boolean(),
	/** Only what carries a proof: the salt of the key by which this text carries one, too. */
	salt: z
		.string()
		.regex(/^[0-9a-f]{32}$/)
		.optional(),
});
/** Begins the last line of a text with a proof. All others but the first are lists. */
const HMAC_LINE = 'hmac ';

/** Far more than a million backups take; what was compressed to next to nothing must not keep a run busy for hours. */
const MAX_TEXT = 1024 * 1024 * 1024;

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
	trust: ManifestTrust,
	signal: AbortSignal | undefined,
): Promise<boolean> {
	try {
		const source = await storage.read(CACHE_KEY, signal ? { signal } : {});
		const limited = limitedTo(LIMITS.cache, source as AsyncIterable<Uint8Array>);
		await pipeline(limited, createGunzip(), async (text: AsyncIterable<Uint8Array>) => {
			await readLines(limitedTo(MAX_TEXT, text), handOn, trust);
		});
		return true;
	} catch (error) {
		// There is none, or it is damaged: the manifests are what counts.
		if (!(error instanceof BackupError) || error.code === 'STORAGE_MISSING') return false;
		throw error;
	}
}

async function* limitedTo(limit: number, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
	let bytes = 0;
	for await (const chunk of source) {
		bytes += chunk.length;
		if (bytes > limit) throw new RangeError('It is larger than any cache.');
		yield chunk;
	}
}

/** @throws SyntaxError, ZodError where it is none, or is not to be believed */
async function readLines(
	text: AsyncIterable<Uint8Array>,
	handOn: (known: KnownManifest) => void,
	{ passphrase, requireEncryption = false }: ManifestTrust,
): Promise<void> {
	let isBegun = false;
	let seal: Hmac | undefined;
	let stated: string | undefined;
	for await (const line of linesOf(text)) {
		if (stated !== undefined) throw new SyntaxError('It goes on after its end.');
		if (!isBegun) {
			const { encrypted, salt } = headSchema.parse(JSON.parse(line));
			if (encrypted !== requireEncryption || Boolean(passphrase) !== (salt !== undefined)) {
				throw new SyntaxError('It is of a run that believed something else.');
			}
			if (passphrase && salt !== undefined) seal = sealBy(await manifestKey(passphrase, salt));
			isBegun = true;
		} else if (seal && line.startsWith(HMAC_LINE)) {
			stated = line.slice(HMAC_LINE.length);
			continue;
		} else {
			const known = knownIn(JSON.parse(line));
			if (known) handOn(known);
		}
		seal?.update(`${line}\n`);
	}
	if (seal && !isEqual(seal.digest('hex'), stated)) throw new SyntaxError('It is of nobody with this passphrase.');
}

function sealBy({ hmacKey }: ManifestKey): Hmac {
	return createHmac('sha256', hmacKey).update('catalog\n');
}

function isEqual(found: string, stated = ''): boolean {
	return found.length === stated.length && timingSafeEqual(Buffer.from(found), Buffer.from(stated));
}

/** Replaces the cache. @throws BackupError CANCELLED, and what the storage throws */
export async function writeCache(
	storage: Storage,
	known: Iterable<KnownManifest>,
	{ passphrase, requireEncryption = false }: ManifestTrust,
	signal: AbortSignal | undefined,
): Promise<void> {
	const key = passphrase ? await writingKey(passphrase) : undefined;
	const head = { version: 4, encrypted: requireEncryption, ...(key && { salt: key.salt }) };
	const compressed: Buffer[] = [];
	const text = Readable.from(textOf(JSON.stringify(head), known, key && sealBy(key)));
	await pipeline(text, createGzip({ level: 1 }), async (chunks: AsyncIterable<Buffer>) => {
		for await (const chunk of chunks) compressed.push(chunk);
	});
	await storage.replace(CACHE_KEY, Buffer.concat(compressed), signal ? { signal } : {});
}

function* textOf(head: string, known: Iterable<KnownManifest>, seal: Hmac | undefined): Generator<string> {
	let lines = [head];
	const taken = () => {
		const text = `${lines.join('\n')}\n`;
		seal?.update(text);
		lines = [];
		return text;
	};
	for (const { key, size, modifiedAt, told, lostSince } of known) {
		const { id, kind, name, origin, system, partial, startedAt, finishedAt, size: stored, tags, pinned, parent } = told;
		const facts = {
			id,
			kind,
			name,
			origin,
			system,
			partial,
			startedAt,
			finishedAt,
			size: stored,
			tags,
			pinned,
			parent,
		};
		lines.push(JSON.stringify([key, size, modifiedAt, facts, ...(lostSince === undefined ? [] : [lostSince])]));
		if (lines.length >= LINES_AT_ONCE) yield taken();
	}
	if (lines.length > 0) yield taken();
	if (seal) yield `${HMAC_LINE}${seal.digest('hex')}\n`;
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
	const { id, kind, name, origin, system, partial, startedAt, finishedAt, size, tags, pinned, parent } = told as Record<
		keyof ManifestFacts,
		unknown
	>;
	return (
		[id, name].every(isText) &&
		KINDS.has(kind) &&
		[origin, system, partial, parent].every((some) => some === undefined || isText(some)) &&
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
