/**
 * The stored catalogue: what earlier runs read of the manifests of a storage, so that the next one need not read twenty
 * thousand again. It is one object, gzip of lines of JSON. The first line tells the version; every other one stands for one
 * manifest: `[key of the archive, size, time and ETag of its manifest, what the manifest tells without parts and tables,
 * since when the manifest is missed]`. A line counts only while the storage lists a manifest of that size, time and ETag, so
 * whatever others do to the storage, the catalogue can be incomplete, but not wrong. Lines are read and written one at a
 * time; only the compressed text (some 250 bytes a backup) is held whole.
 *
 * Whoever can write to the storage can write a catalogue as well. So a line may carry a seal after a tab: an HMAC of it under
 * a key from the passphrase, set by a run that had that passphrase and had read the manifest and found it authentic. A run
 * with a passphrase believes lines with its seal only, and reads the manifests of all others. A run without one believes
 * what it reads, as it does of manifests, and leaves the seals of others as they are. So runs with and without a passphrase
 * share one catalogue.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip, gzipSync } from 'node:zlib';

import { BackupError } from '../../errors';
import type { Storage } from '../../storage/storage';
import type { ManifestTrust } from '../manifest/authenticity';
import { isKept, manifestKey, writingKey, type ManifestKey } from '../manifest/proof-key';
import { validated } from '../manifest/text';
import { folderOf, HOUSEKEEPING, keyIn } from '../naming';
import { LIMITS, readSmallObject, TooLarge } from '../small-object';
import { summaryOf, type ManifestSummary } from './entry';

const CATALOG_KEY = `${HOUSEKEEPING}catalog.jsonl.gz`;
const HEAD = JSON.stringify({ version: 5 });

/**
 * Ids and hashes do not compress, so an honest text has some ten times the bytes of its gzip. What was compressed to next
 * to nothing must not keep a run busy: more text than this is no catalogue.
 */
const MAX_RATIO = 64;
const SMALL_TEXT = 1024 * 1024;
/** An honest line has some thousand bytes; on average no more than this is read for each archive that is listed. */
const ROOM_PER_ARCHIVE = 16 * 1024;
const LEAST_ROOM = 64 * 1024;
/** A manifest with more to tell than this is read each time. */
const MAX_LINE = 64 * 1024;
/** Each distinct salt costs a derivation of 80 ms; a run that writes seals all of its lines by one salt. */
const MAX_SALTS = 16;
const BATCH_BYTES = 256 * 1024;

/** One manifest as it was read. */
export interface CatalogLine {
	/** The key of the archive. */
	key: string;
	/** The manifest when it was read: its size, when it was last changed (milliseconds), and its ETag, where there is one. */
	size: number;
	modifiedAt: number;
	etag: string | undefined;
	summary: ManifestSummary;
	/** When a run of retention first missed the manifest, ISO 8601. */
	missedSince: string | undefined;
}

/**
 * The compressed text; undefined where there is none or it may not be read, `damaged` where it is not whole.
 * @throws BackupError CANCELLED, STORAGE_UNREACHABLE
 */
export async function readStored(
	storage: Storage,
	signal: AbortSignal | undefined,
): Promise<Buffer | 'damaged' | undefined> {
	try {
		const content = await readSmallObject(storage, CATALOG_KEY, LIMITS.cache, signal);
		// gzip's checksum comes after the text: nothing is taken from a text before it is known to be whole.
		if (content) for await (const _batch of batchesIn(content));
		return content;
	} catch (error) {
		if (error instanceof TooLarge || isDamage(error)) return 'damaged';
		if (!(error instanceof BackupError)) throw error;
		// Nothing depends on it: what may not be read is none.
		if (error.code === 'CANCELLED' || error.code === 'STORAGE_UNREACHABLE') throw error;
		return undefined;
	}
}

/**
 * Picks the lines of a stored catalogue that a run looks at: those below its prefix, and no more of them than what it lists
 * can have. So a catalogue that somebody has filled with lines takes no longer than the listing does.
 */
export class LineSieve {
	readonly #start: string;
	#room: number;

	/** @param archives How many archives the run has listed below the prefix */
	constructor(prefix: string, archives: number) {
		this.#start = `[${JSON.stringify(prefix).slice(0, -1)}`;
		this.#room = LEAST_ROOM + archives * ROOM_PER_ARCHIVE;
	}

	/** Whether the line is of a key below the prefix, as far as its text tells: it is not parsed for it. */
	isBelow(line: string): boolean {
		return line.startsWith(this.#start);
	}

	/** False once there were too many lines. */
	hasRoomFor(line: string): boolean {
		this.#room -= line.length + 1;
		return this.#room >= 0;
	}
}

/** True for what gunzip, the decoder of UTF-8 and this module throw. */
function isDamage(error: unknown): boolean {
	return (
		error instanceof SyntaxError || error instanceof TypeError || /^Z_/.test((error as { code?: string }).code ?? '')
	);
}

/** Lines of the manifests that a run has read, compressed as they come: gzip is whole files one after another, too. */
export class FreshLines {
	readonly #keys = new Set<string>();
	readonly #compressed: Buffer[] = [];
	#batch = '';

	get size(): number {
		return this.#keys.size;
	}

	has(key: string): boolean {
		return this.#keys.has(key);
	}

	add(key: string, line: string): void {
		this.#keys.add(key);
		this.#batch += `${line}\n`;
		if (this.#batch.length >= BATCH_BYTES) this.#compress();
	}

	compressed(): readonly Buffer[] {
		if (this.#batch !== '') this.#compress();
		return this.#compressed;
	}

	#compress(): void {
		this.#compressed.push(gzipSync(this.#batch, { level: 1 }));
		this.#batch = '';
	}
}

/** Replaces the stored catalogue. @throws BackupError CANCELLED, and what the storage throws */
export async function writeStored(
	storage: Storage,
	lines: AsyncIterable<string>,
	fresh: FreshLines,
	signal: AbortSignal | undefined,
): Promise<void> {
	const compressed: Buffer[] = [];
	await pipeline(Readable.from(inBatches(lines)), createGzip({ level: 1 }), async (chunks: AsyncIterable<Buffer>) => {
		for await (const chunk of chunks) compressed.push(chunk);
	});
	const content = Buffer.concat([...compressed, ...fresh.compressed()]);
	await storage.replace(CATALOG_KEY, content, { isPassing: true, ...(signal && { signal }) });
}

async function* inBatches(lines: AsyncIterable<string>): AsyncGenerator<string> {
	let batch = `${HEAD}\n`;
	for await (const line of lines) {
		batch += `${line}\n`;
		if (batch.length < BATCH_BYTES) continue;
		yield batch;
		batch = '';
	}
	yield batch;
}

/** The lines of a stored catalogue without its first, some at a time. @throws what `isDamage` knows */
export async function* batchesIn(content: Buffer): AsyncGenerator<string[]> {
	const decoder = new TextDecoder('utf-8', { fatal: true });
	const text = Readable.from([content]).pipe(createGunzip());
	let rest = '';
	const limit = SMALL_TEXT + MAX_RATIO * content.length;
	let bytes = 0;
	let isBegun = false;
	for await (const chunk of text as AsyncIterable<Buffer>) {
		bytes += chunk.length;
		const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
		rest = lines.pop() ?? '';
		if (bytes > limit || rest.length > 2 * MAX_LINE) throw new SyntaxError('It is no catalogue.');
		if (!isBegun && lines.length > 0) {
			if (lines.shift() !== HEAD) throw new SyntaxError('It is of another version.');
			isBegun = true;
		}
		yield lines;
	}
	if (rest !== '' || !isBegun) throw new SyntaxError('It ends in the middle of a line.');
}

/** The text of a line without a seal; undefined for one that is too long to be stored. */
export function formatLine({ key, size, modifiedAt, etag, summary, missedSince }: CatalogLine): string | undefined {
	const facts = [key, size, modifiedAt, etag ?? null, summary, ...(missedSince === undefined ? [] : [missedSince])];
	const line = JSON.stringify(facts);
	return line.length > MAX_LINE ? undefined : line;
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

/** A line of which nothing was checked but its form: to be compared with the listing before more time is spent on it. */
export interface UncheckedLine extends Omit<CatalogLine, 'summary'> {
	told: unknown;
}

/** What a line says, whoever wrote it; undefined for what is no line. */
export function parseLine(line: string): UncheckedLine | undefined {
	try {
		const end = line.indexOf('\t');
		const facts = JSON.parse(end < 0 ? line : line.slice(0, end)) as unknown;
		if (!Array.isArray(facts)) return undefined;
		const [key, size, modifiedAt, etag, told, missedSince] = facts as unknown[];
		if (typeof key !== 'string' || typeof size !== 'number' || typeof modifiedAt !== 'number') return undefined;
		if (etag !== null && typeof etag !== 'string') return undefined;
		if (missedSince !== undefined && !(typeof missedSince === 'string' && TIME.test(missedSince))) return undefined;
		return { key, size, modifiedAt, etag: etag ?? undefined, told, missedSince };
	} catch (error) {
		if (error instanceof SyntaxError) return undefined;
		throw error;
	}
}

/** The line with what it tells of the manifest; undefined for what this version would not have written. */
export function checkedLine({ told, ...line }: UncheckedLine): CatalogLine | undefined {
	try {
		// The schema's word counts for what stands in the catalogue as for what stands in a manifest.
		const summary = summaryOf(validated({ ...(told as object), parts: [] }, line.key));
		return line.key === keyIn(folderOf(line.key), summary.file) ? { ...line, summary } : undefined;
	} catch (error) {
		if (error instanceof BackupError) return undefined;
		throw error;
	}
}

/** Salt, whether encryption and a proof were required when the manifest was read, HMAC. */
const SEAL = /^([0-9a-f]{32})([01])([0-9a-f]{64})$/;

/** Sets and checks the seals of lines by one passphrase. */
export class CatalogSeal {
	#salts = 0;
	#key: ManifestKey | undefined;

	private constructor(private readonly passphrase: string) {}

	/** Undefined where there is no passphrase to seal with. */
	static of({ passphrase }: ManifestTrust): CatalogSeal | undefined {
		return passphrase ? new CatalogSeal(passphrase) : undefined;
	}

	/** Whether a line carries this passphrase's seal, and how strict the run was that set it; undefined where it does not. */
	async check(line: string): Promise<{ isStrict: boolean } | undefined> {
		const end = line.indexOf('\t');
		const [, salt, strict, hmac] = (end >= 0 && SEAL.exec(line.slice(end + 1))) || [];
		if (salt === undefined || hmac === undefined) return undefined;
		if (!isKept(this.passphrase, salt) && ++this.#salts > MAX_SALTS) return undefined;
		const found = this.#hmac(line.slice(0, end), strict === '1', await manifestKey(this.passphrase, salt));
		return timingSafeEqual(found, Buffer.from(hmac, 'hex')) ? { isStrict: strict === '1' } : undefined;
	}

	/** The line with a seal of this run. */
	async set(line: string, isStrict: boolean): Promise<string> {
		this.#key ??= await writingKey(this.passphrase);
		return `${line}\t${this.#key.salt}${isStrict ? '1' : '0'}${this.#hmac(line, isStrict, this.#key).toString('hex')}`;
	}

	#hmac(line: string, isStrict: boolean, { hmacKey }: ManifestKey): Buffer {
		return createHmac('sha256', hmacKey)
			.update(`catalog line ${isStrict ? 1 : 0}\n${line}`)
			.digest();
	}
}
