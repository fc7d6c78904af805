import { randomUUID } from 'node:crypto';

import { type BackupKind, type DecryptionKeys, HOUSEKEEPING } from '../archive';
import { BackupError } from '../errors';
import { probeStorage, S3Storage, type Storage, type StorageFeatures } from '../storage';

import { clockFindings } from './clock';
import { type Finder, finder, findingsOf, type SetupFinding } from './finding';
import { proxyFindings } from './proxy';
import {
	durationFindings,
	type ExecutionLimit,
	openingFindings,
	readSeries,
	roomFindings,
	scheduleFindings,
} from './series';

export interface CheckStorageOptions {
	storage: Storage;
	/** Of which backups there should be room, a schedule and keys; all by default. */
	kinds?: readonly BackupKind[];
	/** Bytes that what is to be backed up has on its server; 0 where that is not known. */
	sourceBytes?: number;
	/** What opens backups; undefined where no credential is selected. */
	keys: DecryptionKeys | undefined;
	/** When whoever runs back ups ends them; undefined where nobody does. */
	limit?: ExecutionLimit | undefined;
	signal?: AbortSignal;
	now?: Date;
}

/** Where scratch objects lie. What a killed run has left of them goes with a later check, after a day. */
const SCRATCH = `${HOUSEKEEPING}setup-check-`;
const DAY_MS = 86_400_000;

/**
 * What would make backups into a storage, or restores out of it, fail: tried by scratch objects that are removed again, and read out
 * of its catalogue.
 * @throws BackupError CANCELLED; what else fails is a finding
 */
export async function checkStorage(options: CheckStorageOptions): Promise<SetupFinding[]> {
	const { storage, signal, now = new Date() } = options;
	const access = finder('Storage', storage.description, 'backup');
	// What is tried goes again at once: with the lock of archives it would stay for as long as they do.
	const unlocked = storage instanceof S3Storage && storage.locksObjects ? storage.withoutLock() : undefined;
	const scratch = unlocked ?? storage;
	let isUsable = false;
	const findings = await findingsOf(access, async () => {
		const features = await scratchFeatures(scratch, signal);
		await probeStorage(scratch, signal);
		isUsable = true;
		return [
			access.ok('Objects were written, read, compared and deleted.'),
			...featureFindings(features, access, storage),
			...lockFindings(features, storage),
			...(await storageClock(scratch, signal)),
		];
	});
	unlocked?.close();
	if (storage instanceof S3Storage) findings.push(...proxyFindings(storage.place.endpoint, true));
	if (!isUsable) return findings;
	const content = await findingsOf(finder('Catalogue', storage.description, 'restore'), async () => {
		const series = await readSeries(storage, options.kinds, signal);
		return [
			...(await roomFindings(storage, series, options.sourceBytes)),
			...scheduleFindings(series, now),
			...durationFindings(series, options.limit),
			...(await openingFindings(storage, series, options.keys, signal)),
		];
	});
	return [...findings, ...content];
}

async function scratchFeatures(storage: Storage, signal: AbortSignal | undefined): Promise<StorageFeatures> {
	const features = await storage.features?.(`${SCRATCH}${randomUUID()}`, signal);
	await removeLeftovers(storage, signal);
	return features ?? {};
}

async function removeLeftovers(storage: Storage, signal: AbortSignal | undefined): Promise<void> {
	const before = new Date(Date.now() - DAY_MS);
	const left: string[] = [];
	for await (const { key, modifiedAt } of storage.list(SCRATCH)) if (modifiedAt < before) left.push(key);
	await storage.removeMany(left, signal);
	// Who may not list uploads has learnt that as a feature.
	const isScratch = (key: string) => key.startsWith(SCRATCH);
	await storage.sweep(before, signal, isScratch).catch((error: unknown) => {
		if (!(error instanceof BackupError) || error.code === 'CANCELLED') throw error;
	});
}

/** The time that a new object gets is that of whoever stores it, within a second or two. */
async function storageClock(storage: Storage, signal: AbortSignal | undefined): Promise<SetupFinding[]> {
	const key = `${SCRATCH}${randomUUID()}-clock`;
	const from = new Date();
	try {
		await storage.replace(key, Buffer.from('Written to compare clocks; may be deleted.\n'), signal ? { signal } : {});
		const to = new Date();
		const stored = await storage.stat(key);
		return stored ? clockFindings(storage.description, stored.modifiedAt, { from, to }) : [];
	} finally {
		await storage.remove(key).catch(() => {});
	}
}

function featureFindings(features: StorageFeatures, access: Finder, storage: Storage): SetupFinding[] {
	const { uploads, listsUploads, createOnly, copies, keepsVersions, objectLock, tags, caseSensitive } = features;
	const known: Array<[boolean | undefined, has: string, not: string]> = [
		[createOnly, 'conditional writes', 'conditional writes'],
		[uploads, 'uploads in parts', 'uploads in parts'],
		[copies, 'copies of its own', 'copies of its own (they are read and written instead)'],
		[tags, 'tags', 'tags (nothing of ours needs them)'],
		[keepsVersions, 'versions', 'versions (what is deleted is gone)'],
		[objectLock, 'object lock', 'object lock (retention is only by Prune Retention)'],
	];
	const list = (wanted: boolean, at: 1 | 2) => known.filter(([is]) => is === wanted).map((one) => one[at]);
	const [there, missing] = [list(true, 1), list(false, 2)];
	const summary = finder('Storage Features', storage.description, 'backup');
	return [
		summary.ok(
			`It has ${there.join(', ') || 'none of what is optional'}${missing.length > 0 ? `; it has no ${missing.join(', ')}` : ''}.`,
		),
		...(uploads === false
			? [
					summary.problem(
						'The server takes no uploads in parts, by which archives are stored.',
						'Use another server, or a newer version of it: multipart uploads are part of S3.',
					),
				]
			: []),
		...(createOnly === false
			? [
					summary.warning(
						'The server has no conditional writes (If-None-Match), so two runs that begin at the same moment are not told apart for certain.',
						'Let one n8n alone write to this storage, and leave some minutes between its back ups and its prune; or update the server.',
					),
				]
			: []),
		...(listsUploads === undefined && uploads !== undefined
			? [
					summary.warning(
						'The access key may not list unfinished uploads, so what killed runs have left of them stays and is paid for.',
						'Allow s3:ListBucketMultipartUploads on the bucket, or give it a lifecycle rule AbortIncompleteMultipartUpload of 1 day.',
					),
				]
			: []),
		...(features.existed === false
			? [
					access.warning(
						'The folder did not exist: it was made just now.',
						'See that Folder Path in the Backup Storage credential is the one that you meant; in a container, that a volume is mounted there.',
					),
				]
			: []),
		...(features.isFleeting === undefined ? [] : [fleeting(features.isFleeting, access)]),
		...(caseSensitive === false
			? [
					access.warning(
						'The folder takes A and a for one name, so databases, collections or buckets whose names differ in case alone share their files.',
						'Give each of them a folder of its own with the option Folder.',
					),
				]
			: []),
	];
}

/** What locks objects: the credential, each by itself, or the bucket, whatever is stored in it. */
function lockFindings({ objectLock, locksAll }: StorageFeatures, storage: Storage): SetupFinding[] {
	const { ok, warning, problem } = finder('Object Lock', storage.description, 'backup');
	const isAsked = storage instanceof S3Storage && storage.locksObjects;
	return [
		...(isAsked && objectLock === false
			? [
					problem(
						'The Backup Storage credential locks what is stored, and the bucket has no object lock, so it refuses all of it.',
						'Make a bucket with it, which most servers can only do when it is made (mc mb --with-lock; aws s3api create-bucket --object-lock-enabled-for-bucket), or set Object Lock in the credential to None.',
					),
				]
			: []),
		...(isAsked && objectLock ? [ok('The bucket has object lock, with which archives are stored.')] : []),
		...(locksAll === undefined
			? []
			: [
					warning(
						`The bucket locks each new object by a rule of its own (${locksAll}): also locks, notes and signs of life, of which each is written anew many times a day, and the scratch objects of this check.`,
						`Take the rule away (aws s3api put-object-lock-configuration --bucket ${storage instanceof S3Storage ? storage.place.bucket : '<bucket>'} --object-lock-configuration '{"ObjectLockEnabled":"Enabled"}'), and set Object Lock and its days in the Backup Storage credential.`,
					),
				]),
	];
}

function fleeting(where: NonNullable<StorageFeatures['isFleeting']>, { warning }: Finder): SetupFinding {
	return where === 'memory'
		? warning(
				'The folder lies in memory: its backups are gone when this machine restarts.',
				'Choose a folder on a disk, or on a share, in the Backup Storage credential.',
			)
		: warning(
				'The folder lies in the container of n8n itself: its backups are gone when the container is made anew, as by each update.',
				'Mount a volume at Folder Path (docker run -v n8n-backups:<Folder Path>), or choose a folder in one.',
			);
}
