/**
 * What is known of a backup from its verifications: `<archive>.verification.json` beside its manifest. It is a record, not
 * a lock: of two verifications that end in the same moment, each reads, appends and replaces, and looks whether its entry
 * stayed; where the other one has replaced it, it appends again. The file itself is always a whole one, for a storage
 * replaces small objects atomically.
 */
import { z } from 'zod';

import { MANIFEST_SUFFIX } from '../archive';
import { productTool } from '../archive/tool';
import { BackupError } from '../errors';
import type { Storage } from '../storage';
import type { VerificationReport } from './types';

/** Ends the name of a backup's verifications; retention deletes them with it (engine/retention/sweep.ts). */
export const VERIFICATION_SUFFIX = '.verification.json';

const FORMAT_VERSION = 1;
const MAX_ENTRIES = 50;
const MAX_FINDINGS = 20;
/** Far more than fifty entries with their findings take up. */
const MAX_BYTES = 16 * 1024 * 1024;
const ATTEMPTS = 5;

const level = z.enum(['integrity', 'content', 'restore']);

const findingSchema = z.object({
	severity: z.enum(['error', 'obstacle', 'warning']),
	level,
	part: z.string().optional(),
	message: z.string(),
	code: z.string().optional(),
});

const entrySchema = z.object({
	/** When it ended; ISO 8601, UTC. */
	at: z.string().datetime(),
	verdict: z.enum(['passed', 'failed', 'incomplete']),
	requested: level,
	/** The deepest level that passed. */
	reached: level.optional(),
	/** The worst ones. */
	findings: z.array(findingSchema),
	/** Milliseconds. */
	duration: z.number().nonnegative(),
	/** Of the stored file, in bytes a second, over the whole duration. */
	throughput: z.number().nonnegative(),
	/** Of this package. */
	version: z.string(),
});

const historySchema = z.object({
	formatVersion: z.literal(FORMAT_VERSION),
	/** Oldest first. */
	history: z.array(entrySchema),
});

export type VerificationEntry = z.infer<typeof entrySchema>;

export interface VerificationHistory {
	/** Newest first. */
	history: VerificationEntry[];
	latest: VerificationEntry | undefined;
}

export function verificationKeyOf(archiveKey: string): string {
	return `${archiveKey}${VERIFICATION_SUFFIX}`;
}

/**
 * The verifications of a backup, by the key of its archive; none where there were none, or their file is damaged.
 * @throws BackupError CANCELLED, and what the storage throws
 */
export async function readVerification(
	storage: Storage,
	archiveKey: string,
	signal?: AbortSignal,
): Promise<VerificationHistory> {
	const found = await readHistory(storage, verificationKeyOf(archiveKey), signal);
	const history = found.entries.toReversed();
	return { history, latest: history[0] };
}

/**
 * Whether the newest verification that came to a verdict found the backup good; undefined where none did. One that was
 * incomplete tells nothing.
 * @throws BackupError CANCELLED, and what the storage throws
 */
export async function verificationState(
	storage: Storage,
	archiveKey: string,
	signal?: AbortSignal,
): Promise<'passed' | 'failed' | undefined> {
	const { history } = await readVerification(storage, archiveKey, signal);
	const verdict = history.find((entry) => entry.verdict !== 'incomplete')?.verdict;
	return verdict === 'incomplete' ? undefined : verdict;
}

/**
 * Appends what a verification found to the backup's history, of which the newest fifty entries are kept. A damaged file is
 * set aside under another name. A backup without a manifest gets no history.
 * @throws BackupError CANCELLED, and what the storage throws; the verification itself is none the worse for it
 */
export async function recordVerification(
	storage: Storage,
	report: VerificationReport,
	signal?: AbortSignal,
): Promise<VerificationEntry | undefined> {
	if (!report.manifest) return undefined;
	const key = verificationKeyOf(report.key);
	const entry = entryOf(report);
	for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
		const { entries, damaged } = await readHistory(storage, key, signal);
		if (entries.some((other) => isSame(other, entry))) return entry;
		// Deleted meanwhile: its verifications must not stay behind.
		if (!(await storage.stat(`${report.key}${MANIFEST_SUFFIX}`))) return undefined;
		if (damaged) await setAside(storage, key, damaged, signal);
		const history = [...entries, entry].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0)).slice(-MAX_ENTRIES);
		const text = `${JSON.stringify({ formatVersion: FORMAT_VERSION, history }, null, 2)}\n`;
		await storage.replace(key, Buffer.from(text), signal ? { signal } : {});
	}
	return entry;
}

function entryOf(report: VerificationReport): VerificationEntry {
	const { verdict, requested, reached, findings, duration, storedBytes, startedAt } = report;
	return {
		at: new Date(Date.parse(startedAt) + duration).toISOString(),
		verdict,
		requested,
		...(reached && { reached }),
		findings: findings.slice(0, MAX_FINDINGS).map(({ severity, level: at, part, message, code }) => ({
			severity,
			level: at,
			...(part === undefined ? {} : { part }),
			message,
			...(code === undefined ? {} : { code }),
		})),
		duration,
		throughput: duration > 0 ? Math.round(storedBytes / (duration / 1000)) : 0,
		version: productTool().version,
	};
}

function isSame(a: VerificationEntry, b: VerificationEntry): boolean {
	return JSON.stringify(a) === JSON.stringify(b);
}

interface FoundHistory {
	/** Oldest first. */
	entries: VerificationEntry[];
	/** What the file held, where it is no history. */
	damaged?: Buffer;
}

async function readHistory(storage: Storage, key: string, signal: AbortSignal | undefined): Promise<FoundHistory> {
	const content = await readSmall(storage, key, signal);
	if (content === undefined) return { entries: [] };
	try {
		return { entries: historySchema.parse(JSON.parse(content.toString('utf8'))).history };
	} catch {
		return { entries: [], damaged: content };
	}
}

async function readSmall(storage: Storage, key: string, signal: AbortSignal | undefined): Promise<Buffer | undefined> {
	const chunks: Uint8Array[] = [];
	let bytes = 0;
	try {
		for await (const chunk of await storage.read(key, signal ? { signal } : {})) {
			chunks.push(chunk as Uint8Array);
			bytes += (chunk as Uint8Array).length;
			if (bytes > MAX_BYTES) break;
		}
	} catch (error) {
		if (error instanceof BackupError && error.code === 'STORAGE_MISSING') return undefined;
		throw error;
	}
	return Buffer.concat(chunks, bytes);
}

/** For whoever wants to look at it; the next one that is damaged takes its place. */
async function setAside(
	storage: Storage,
	key: string,
	content: Buffer,
	signal: AbortSignal | undefined,
): Promise<void> {
	try {
		await storage.replace(`${key}.damaged`, content, signal ? { signal } : {});
	} catch (error) {
		if (error instanceof BackupError && error.code !== 'CANCELLED') return;
		throw error;
	}
}
