import { BackupError } from '../../errors';
import type { Storage } from '../../storage/storage';
import { ByteCursor, EndedEarly } from '../cursor';
import { decryptArchive } from '../encryption/encryption';
import type { SealedLayout } from '../encryption/layout';
import { RefusedMessage } from '../encryption/packets';
import { NoSessionKey, type UnlockedKeys } from '../encryption/session-keys';
import { type OpenedSeal, openSeal, unsealRange } from '../encryption/unseal-range';
import type { Manifest } from '../manifest/manifest';
import { corrupt, StoredFile } from './stored-file';

export interface PassOptions {
	storage: Storage;
	key: string;
	manifest: Manifest;
	signal: AbortSignal | undefined;
}

/** One reading of the compressed bytes of an archive. Ends with `close`, always. */
export interface ReadPass {
	readonly cursor: ByteCursor;
	/** To be called once the hash of a frame was right: then the key was right, and what fails later is damage. */
	frameWasRight(): void;
	/** What to throw for an error met while reading. */
	explain(error: unknown): Promise<unknown>;
	close(): Promise<void>;
}

/** A pass over the whole file: decrypts where needed, and can tell at the end whether the file is the one stored. */
export interface WholePass extends ReadPass {
	readonly file: StoredFile;
}

/** A signal that also fires when the pass is closed, so that a read that hangs never holds a close up. */
function ownSignal(signal: AbortSignal | undefined): { signal: AbortSignal; stop: () => void } {
	const controller = new AbortController();
	const signals = signal ? [signal, controller.signal] : [controller.signal];
	return { signal: AbortSignal.any(signals), stop: () => controller.abort() };
}

/**
 * Reads a range of the compressed stream.
 * @param seal Needed where the archive is encrypted. It was opened by a key that is right, so whatever fails is damage.
 */
export function rangePass(options: PassOptions, start: number, end: number, seal: OpenedSeal | undefined): ReadPass {
	const { signal, stop } = ownSignal(options.signal);
	const read = (from: number, to: number) => storedRange(options, signal, from, to);
	const cursor = new ByteCursor(seal ? unsealRange(read, seal, start, end) : read(start, end), start);
	return {
		cursor,
		frameWasRight: () => {},
		explain: (error) => Promise.resolve(damage(options.key, error)),
		close: async () => {
			stop();
			await cursor.close();
		},
	};
}

async function* storedRange(
	{ storage, key }: PassOptions,
	signal: AbortSignal,
	start: number,
	end: number,
): AsyncGenerator<Uint8Array> {
	if (start >= end) return;
	const source = await storage.read(key, { start, end, signal, lends: true });
	// Its reader meets its errors; one that comes when nobody reads any more must not end the process.
	source.on('error', () => {});
	for await (const chunk of source) yield chunk as Uint8Array;
}

/**
 * Opens an encrypted archive for reading by ranges: reads its beginning and finds the session key.
 * @param knownGood The stored file's hash was found right before. Otherwise, where the keys do not open the archive, all of it is
 * read to tell damage from a wrong key.
 * @throws BackupError KEY_WRONG; ARCHIVE_CORRUPT also where the file is not laid out as its manifest says; CANCELLED; what the
 * storage throws
 */
export async function openSealed(
	options: PassOptions,
	layout: SealedLayout,
	keys: UnlockedKeys,
	knownGood: boolean,
): Promise<OpenedSeal> {
	const { storage, key, manifest } = options;
	const { signal, stop } = ownSignal(options.signal);
	const read = (from: number, to: number) => storedRange(options, signal, from, to);
	const facts = manifest.encryption ?? { passphrase: false, recipients: [] };
	try {
		return await openSeal(read, layout, keys, facts, signal);
	} catch (error) {
		if (!(error instanceof NoSessionKey)) throw damage(key, error);
		if (!knownGood) await verifyFile(new StoredFile({ storage, key, manifest, signal }));
		throw keyWrong();
	} finally {
		stop();
	}
}

async function verifyFile(file: StoredFile): Promise<void> {
	try {
		await file.verify();
	} finally {
		await file.close();
	}
}

/**
 * Reads a whole archive.
 * @param keys Needed where the archive is encrypted.
 * @param knownGood The stored file's hash was found right before.
 */
export function wholePass(options: PassOptions, keys: UnlockedKeys | undefined, knownGood: boolean): WholePass {
	const { storage, key, manifest } = options;
	const { signal, stop } = ownSignal(options.signal);
	const file = new StoredFile({ storage, key, manifest, signal });
	const { encryption } = manifest;
	const cursor = new ByteCursor(keys && encryption ? decryptArchive(file.bytes, keys, encryption, signal) : file.bytes);
	let isKeyRight = !keys;
	return {
		cursor,
		file,
		frameWasRight: () => {
			isKeyRight = true;
		},
		explain: async (error) => {
			if (file.failure) return file.failure.error;
			if (error instanceof BackupError && error.code !== 'ARCHIVE_CORRUPT') return error;
			// Damage and a wrong key look the same from inside: noise. Where the hash of the whole file is right, it was the key.
			try {
				if (!isKeyRight && !knownGood) await file.verify();
			} catch (failure) {
				return failure;
			}
			return isKeyRight || error instanceof RefusedMessage ? damage(key, error) : keyWrong();
		},
		close: async () => {
			stop();
			await cursor.close().catch(() => {});
			await file.close();
		},
	};
}

/** An error that was met below the archive's frames, as one of the archive. */
function damage(key: string, error: unknown): unknown {
	return error instanceof EndedEarly || error instanceof RefusedMessage ? corrupt(key, error.message, error) : error;
}

/** The error for an intact archive that the passphrase or keys given do not open. */
function keyWrong(): BackupError {
	return new BackupError('KEY_WRONG', 'The passphrase or key given does not open the archive.', {
		hint: 'Select the encryption credential that it was backed up with; check the passphrase for typing errors.',
	});
}
