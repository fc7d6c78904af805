/**
 * What is known of a backup from its verifications: `<archive>.verification.json` beside its manifest. Who appends to it takes
 * turns with others (turn.ts); where a storage cannot keep two apart, each looks whether its entry stayed, and appends it
 * again where the other one has replaced it. The file itself is always a whole one, for a storage replaces small objects
 * atomically.
 */
import { z } from 'zod';

import { LIMITS, MANIFEST_SUFFIX, readSmallObject, VERIFICATION_SUFFIX } from '../archive';
import { productTool } from '../archive/tool';
import { BackupError } from '../errors';
import type { Storage } from '../storage';
import { LEVELS } from './record';
import { inTurn } from './turn';
import type { VerificationLevel, VerificationReport } from './types';

const FORMAT_VERSION = 1;
const MAX_ENTRIES = 50;
const MAX_FINDINGS = 20;
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
	/** Of the backup: its file may come to lie beside another one of the same name. */
	id: z.string(),
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
	/** In the order in which they ended: the clocks of those who verify may differ. */
	history: z.array(entrySchema),
});

export type VerificationEntry = z.infer<typeof entrySchema>;

export interface VerificationHistory {
	/** Newest first. */
	history: VerificationEntry[];
	latest: VerificationEntry | undefined;
}

/** A backup by the key of its archive and the id that its manifest tells. */
export interface VerifiedBackup {
	key: string;
	id: string;
}

export function verificationKeyOf(archiveKey: string): string {
	return `${archiveKey}${VERIFICATION_SUFFIX}`;
}

/**
 * The verifications of a backup; none where there were none, or their file is damaged or another backup's.
 * @throws BackupError CANCELLED, and what the storage throws
 */
export async function readVerification(
	storage: Storage,
	{ key, id }: VerifiedBackup,
	signal?: AbortSignal,
): Promise<VerificationHistory> {
	const found = await readHistory(storage, verificationKeyOf(key), signal);
	const history = found.entries.filter((entry) => entry.id === id).toReversed();
	return { history, latest: history[0] };
}

/**
 * The verification by which a backup counts as good or bad: the newest that came to a verdict, but one that failed stands
 * until one has passed that looked as deep. Incomplete ones tell nothing; undefined where there is no other.
 * @param history newest first
 */
export function decidingVerification(history: readonly VerificationEntry[]): VerificationEntry | undefined {
	let deepest = -1;
	for (const entry of history) {
		if (entry.verdict === 'failed' && depthOf(entry.reached) + 1 > deepest) return entry;
		if (entry.verdict === 'passed') deepest = Math.max(deepest, depthOf(entry.reached));
	}
	return history.find(({ verdict }) => verdict === 'passed');
}

/** 0 for the first level, -1 where not even that was passed: what comes after it is where a failed one has failed. */
function depthOf(reached: VerificationLevel | undefined): number {
	return reached === undefined ? -1 : LEVELS.indexOf(reached);
}

/**
 * Whether a backup counts as good, as far as verifications tell; undefined where none came to a verdict.
 * @throws BackupError CANCELLED, and what the storage throws
 */
export async function verificationState(
	storage: Storage,
	backup: VerifiedBackup,
	signal?: AbortSignal,
): Promise<'passed' | 'failed' | undefined> {
	const { history } = await readVerification(storage, backup, signal);
	const verdict = decidingVerification(history)?.verdict;
	return verdict === 'incomplete' ? undefined : verdict;
}

/**
 * Appends what a verification found to the backup's history, of which the newest fifty entries are kept, and a failed one
 * that still stands. A damaged file is set aside under another name. A backup without a manifest gets no history.
 * @throws BackupError CANCELLED, and what the storage throws; the verification itself is none the worse for it
 */
export async function recordVerification(
	storage: Storage,
	report: VerificationReport,
	signal?: AbortSignal,
): Promise<VerificationEntry | undefined> {
	if (!report.manifest) return undefined;
	const key = verificationKeyOf(report.key);
	const entry = entryOf(report, report.manifest.id);
	return await inTurn(storage, key, signal, async () => await append(storage, report.key, entry, signal));
}

async function append(
	storage: Storage,
	archiveKey: string,
	entry: VerificationEntry,
	signal: AbortSignal | undefined,
): Promise<VerificationEntry | undefined> {
	const key = verificationKeyOf(archiveKey);
	for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
		const { entries, damaged } = await readHistory(storage, key, signal);
		if (entries.some((other) => isSame(other, entry))) return entry;
		// Deleted meanwhile: its verifications must not stay behind.
		if (!(await storage.stat(`${archiveKey}${MANIFEST_SUFFIX}`))) return undefined;
		if (damaged) await setAside(storage, key, damaged, signal);
		const history = kept([...entries.filter(({ id }) => id === entry.id), entry]);
		const text = `${JSON.stringify({ formatVersion: FORMAT_VERSION, history }, null, 2)}\n`;
		await storage.replace(key, Buffer.from(text), signal ? { signal } : {});
	}
	return entry;
}

/** Forgotten, a failure would let the backup count as good by what looks less deep. */
function kept(entries: VerificationEntry[]): VerificationEntry[] {
	const newest = entries.slice(-MAX_ENTRIES);
	const deciding = decidingVerification(entries.toReversed());
	return !deciding || newest.includes(deciding) ? newest : [deciding, ...newest.slice(1)];
}

function entryOf(report: VerificationReport, id: string): VerificationEntry {
	const { verdict, requested, reached, findings, duration, storedBytes, startedAt } = report;
	return {
		id,
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
	let content: Buffer | undefined;
	try {
		content = await readSmallObject(storage, key, LIMITS.verification, signal);
		if (content === undefined) return { entries: [] };
		return { entries: historySchema.parse(JSON.parse(content.toString('utf8'))).history };
	} catch (error) {
		if (error instanceof BackupError) throw error;
		// What is too large to be one is not kept.
		return { entries: [], damaged: content ?? Buffer.alloc(0) };
	}
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
