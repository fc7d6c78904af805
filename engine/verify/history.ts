/**
 * The record of a backup's verifications: `<archive>.verification.json` beside its manifest. Whoever appends an entry holds a
 * mutex on the record (mutex.ts). Where a storage cannot keep two writers apart, each looks whether its entry stayed, and
 * appends it again where the other one has replaced it. The file itself is always whole, because a storage replaces small
 * objects atomically.
 */
import { z } from 'zod';

import { LIMITS, MANIFEST_SUFFIX, readSmallObject, VERIFICATION_SUFFIX, type ListedBackup } from '../archive';
import { productTool } from '../archive/manifest/tool';
import { BackupError } from '../errors';
import type { Storage } from '../storage';
import { withMutex } from './mutex';
import { LEVELS } from './record';
import type { Finding, VerificationLevel, VerificationReport } from './types';

const FORMAT_VERSION = 1;
const MAX_ENTRIES = 50;
const MAX_FINDINGS = 20;
const ATTEMPTS = 5;

const level = z.enum(['integrity', 'content', 'restore']);

/** What records call the severity `inconclusive`. Older versions of this package know no other word, and share records with newer ones. */
const STORED_INCONCLUSIVE = 'obstacle';

const severity = z
	.enum(['error', STORED_INCONCLUSIVE, 'inconclusive', 'warning'])
	.transform((stored): Finding['severity'] => (stored === STORED_INCONCLUSIVE ? 'inconclusive' : stored));

const findingSchema = z.object({
	severity,
	level,
	part: z.string().optional(),
	message: z.string(),
	code: z.string().optional(),
});

const entrySchema = z.object({
	/** The id of the backup, because another backup may get a file of the same name later. */
	id: z.string(),
	/** When the verification ended; ISO 8601, UTC. */
	at: z.string().datetime(),
	verdict: z.enum(['passed', 'failed', 'incomplete']),
	requested: level,
	/** The deepest level that passed. */
	reached: level.optional(),
	/** The worst findings. */
	findings: z.array(findingSchema),
	/** Milliseconds. */
	duration: z.number().nonnegative(),
	/** Bytes of the stored file a second, over the whole duration. */
	throughput: z.number().nonnegative(),
	/** The version of this package that verified. */
	version: z.string(),
});

const historySchema = z.object({
	formatVersion: z.literal(FORMAT_VERSION),
	/** In the order in which they were appended, because the clocks of those who verify may differ. */
	history: z.array(entrySchema),
});

export type VerificationEntry = z.infer<typeof entrySchema>;

export interface VerificationHistory {
	/** Newest first. */
	history: VerificationEntry[];
	latest: VerificationEntry | undefined;
}

/** A backup by the key of its archive and the id in its manifest. */
export interface VerifiedBackup {
	key: string;
	id: string;
}

/** The key of the record of an archive's verifications. */
export function verificationKeyOf(archiveKey: string): string {
	return `${archiveKey}${VERIFICATION_SUFFIX}`;
}

/**
 * Reads the verifications of a backup. There are none where the record is damaged or of another backup.
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
 * The verification by which a backup counts as good or bad: the newest one that came to a verdict. One that failed stands,
 * however, until another one that looked as deep has passed. Incomplete ones do not count; undefined where there is no other.
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

/** The place of a level among the levels, from 0; -1 where not even the first was passed. A failed verification failed at the next one. */
function depthOf(reached: VerificationLevel | undefined): number {
	return reached === undefined ? -1 : LEVELS.indexOf(reached);
}

/**
 * Whether a backup counts as good by its verifications; undefined where none came to a verdict.
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
 * Tells of the backups of a storage whether a new one may go on from them: not from one whose verification failed. Nothing is
 * read of those that have no record.
 */
export function reliabilityIn(
	storage: Storage,
	signal?: AbortSignal,
): (backup: Pick<ListedBackup, 'key' | 'manifest' | 'hasRecord'>) => Promise<boolean> {
	return async ({ key, manifest, hasRecord }) =>
		!hasRecord || (await verificationState(storage, { key, id: manifest.id }, signal)) !== 'failed';
}

/**
 * Appends what a verification found to the record of the backup. The newest fifty entries are kept, and a failed one that
 * still stands. A damaged record is set aside under another name. A backup without a manifest gets no record.
 * @returns the entry; undefined where it was not written because there is no manifest
 * @throws BackupError CANCELLED, and what the storage throws; the result of the verification is valid all the same
 */
export async function recordVerification(
	storage: Storage,
	report: VerificationReport,
	signal?: AbortSignal,
): Promise<VerificationEntry | undefined> {
	if (!report.manifest) return undefined;
	const key = verificationKeyOf(report.key);
	const entry = entryOf(report, report.manifest.id);
	return await withMutex(storage, key, signal, async () => await append(storage, report.key, entry, signal));
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
		// The backup was deleted meanwhile, so its record must not come back.
		if (!(await storage.stat(`${archiveKey}${MANIFEST_SUFFIX}`))) return undefined;
		if (damaged) await setAside(storage, key, damaged, signal);
		const history = kept([...entries.filter(({ id }) => id === entry.id), entry]);
		const text = `${JSON.stringify({ formatVersion: FORMAT_VERSION, history: history.map(asStored) }, null, 2)}\n`;
		await storage.replace(key, Buffer.from(text), signal ? { signal } : {});
	}
	return entry;
}

/** The entry as the record holds it. */
function asStored(entry: VerificationEntry): object {
	const findings = entry.findings.map((finding) => ({
		...finding,
		severity: finding.severity === 'inconclusive' ? STORED_INCONCLUSIVE : finding.severity,
	}));
	return { ...entry, findings };
}

/** The newest entries, and the one that decides: without a failure that stands, the backup would count as good by what looked less deep. */
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
	/** The content of the file, where it is no valid record. */
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
		// A file that is too large to be a record is not kept.
		return { entries: [], damaged: content ?? Buffer.alloc(0) };
	}
}

/** Keeps a damaged record for whoever wants to look at it; the next damaged one replaces it. */
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
