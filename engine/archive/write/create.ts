import { randomUUID } from 'node:crypto';

import { BackupError, throwIfCancelled } from '../../errors';
import type { Storage } from '../../storage/storage';
import { Claim, clearDebris } from './claim';
import { resolveCodec, type CodecOptions } from '../codec';
import { prepareEncryption, type EncryptionKeys } from '../encryption/encryption';
import type { BackupKind, Manifest } from '../manifest/manifest';
import { archiveFileName, keyIn, manifestKeyOf } from '../naming';
import { ArchiveWriter } from './writer';
import type { WriterSettings } from './writer-settings';

export interface CreateArchiveOptions {
	storage: Storage;
	/** Folder in the storage, one a kind: `postgres`. */
	folder: string;
	/** The database, collection or bucket, as it is called there. */
	name: string;
	/** What the archive is once decompressed, without a dot: `sql`. */
	extension: string;
	kind: BackupKind;
	/** Default: now. */
	startedAt?: Date;
	/** IANA zone of the time in the file's name; default UTC. */
	timeZone?: string;
	codec: CodecOptions;
	encryption?: EncryptionKeys;
	signal?: AbortSignal;
	/** Stored bytes expected, where known: lets the storage check its free space first. */
	expectedSize?: number;
	/** Stored bytes that it may come to, where they can only be estimated: rather too many than too few. */
	estimatedSize?: number;
	/** Called when the archive is durable, before its manifest is: what it throws ends the write, and nothing is left of it. */
	beforeCommit?: (() => Promise<void>) | undefined;
}

const MAX_ATTEMPTS = 100;

/**
 * Keys that writers of this process hold. Other processes are kept out by claims, and by the storage itself; but runs of one
 * n8n are where two backups in one second come from, and not every bucket refuses the second claim.
 */
const held = new Set<string>();

/**
 * Begins an archive under a name that nobody holds: `_2`, `_3`, ... where the name of this second is taken. It exists
 * for nobody until `commit`. What writers of the same kind and name have left that were killed is cleared away. The signal, when it fires, aborts the writer by itself.
 * @throws BackupError INVALID_INPUT (name, zone, level, keys), CANCELLED, and what the storage throws.
 */
export async function createArchive(options: CreateArchiveOptions): Promise<ArchiveWriter> {
	throwIfCancelled(options.signal);
	const codec = resolveCodec(options.codec);
	const encryptor = await prepareEncryption(options.encryption);
	const { storage, folder, name, extension, kind, timeZone, signal, startedAt = new Date() } = options;
	const { expectedSize, estimatedSize, beforeCommit } = options;
	const prove = async (manifest: Manifest) => (await encryptor?.prove(manifest)) ?? manifest;
	const naming = { name, extension, startedAt, codec: codec.name, encrypted: encryptor !== undefined };
	const writing = { id: randomUUID(), storage, folder, name, kind, startedAt, codec, encryptor, prove };
	const settings = { ...writing, signal, expectedSize, estimatedSize, beforeCommit };
	for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
		throwIfCancelled(signal);
		const file = archiveFileName({ ...naming, ...(timeZone === undefined ? {} : { timeZone }), attempt });
		const writer = await tryName({ ...settings, file });
		if (writer) return writer;
	}
	throw new BackupError('STORAGE_EXISTS', `${MAX_ATTEMPTS} backups of ${name} already carry the time of this second.`, {
		hint: 'Something starts this backup again and again; check the schedule.',
	});
}

/** A writer for this name, or undefined where the name is taken. */
async function tryName(settings: Omit<WriterSettings, 'onClosed' | 'claim'>): Promise<ArchiveWriter | undefined> {
	const { storage, folder, file } = settings;
	const key = keyIn(folder, file);
	const entry = `${storage.description}\n${key}`;
	if (held.has(entry)) return undefined;
	held.add(entry);
	let claim: Claim | 'taken' | undefined;
	const release = async () => {
		if (claim instanceof Claim) await claim.release();
		held.delete(entry);
	};
	try {
		claim = await claimed(settings, key);
		// Asked only now: who had the name before us is done with it, or has its claim.
		if (claim === 'taken' || (await storage.stat(key)) || (await storage.stat(manifestKeyOf(key)))) {
			await release();
			return undefined;
		}
		if (claim) await clearDebris(storage, folder, settings, claim, settings.signal);
	} catch (error) {
		await release();
		throw error;
	}
	const writer = new ArchiveWriter({ ...settings, claim, onClosed: release });
	return (await isAccepted(writer)) ? writer : undefined;
}

async function claimed(
	{ storage, kind, name, file, signal }: Omit<WriterSettings, 'onClosed' | 'claim'>,
	key: string,
): Promise<Claim | 'taken' | undefined> {
	if (storage.isOneRuns) return undefined;
	// Names of the same second are seldom: what is there already needs no claim to be found.
	if (await storage.stat(key)) return 'taken';
	return await Claim.take(storage, key, { kind, name, file }, signal);
}

/** False where another writer has the name; every other failure is thrown once the writer has cleaned up. */
async function isAccepted(writer: ArchiveWriter): Promise<boolean> {
	try {
		await writer.opened;
		return true;
	} catch (error) {
		await writer.abort(error);
		if (error instanceof BackupError && error.code === 'STORAGE_EXISTS') return false;
		throw error;
	}
}
