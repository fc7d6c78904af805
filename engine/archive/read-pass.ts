import { BackupError } from '../errors';
import type { Storage } from '../storage/storage';
import { ByteCursor, EndedEarly } from './cursor';
import { decryptStream, type UnlockedKeys } from './encryption';
import type { Manifest } from './manifest';
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

/** Reads a range of an unencrypted archive. */
export async function rangePass(options: PassOptions, start: number, end: number): Promise<ReadPass> {
	const { storage, key } = options;
	const { signal, stop } = ownSignal(options.signal);
	const source = await storage.read(key, { start, end, signal });
	// Its reader meets its errors; one that comes when nobody reads any more must not end the process.
	source.on('error', () => {});
	const cursor = new ByteCursor(source, start);
	return {
		cursor,
		explain: (error) => Promise.resolve(error instanceof EndedEarly ? corrupt(key, error.message) : error),
		close: async () => {
			stop();
			await cursor.close();
		},
	};
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
	const cursor = new ByteCursor(keys ? decryptStream(file.bytes, keys) : file.bytes);
	return {
		cursor,
		file,
		explain: async (error) => {
			if (file.failure) return file.failure.error;
			if (error instanceof BackupError && error.code !== 'ARCHIVE_CORRUPT') return error;
			if (keys) return await explainEncrypted(file, knownGood);
			return error instanceof EndedEarly ? corrupt(key, error.message) : error;
		},
		close: async () => {
			stop();
			await cursor.close().catch(() => {});
			await file.close();
		},
	};
}

/**
 * Damage and a wrong key look the same from inside: noise. So the rest of the file is read for its hash: where that is
 * right, it was the key.
 */
async function explainEncrypted(file: StoredFile, knownGood: boolean): Promise<unknown> {
	try {
		if (!knownGood) await file.verify();
	} catch (error) {
		return error;
	}
	return keyWrong();
}

/** The error for an intact archive that the passphrase or keys given do not open. */
export function keyWrong(): BackupError {
	return new BackupError('KEY_WRONG', 'The passphrase or key given does not open the archive.', {
		hint: 'Select the encryption credential that it was backed up with; check the passphrase for typing errors.',
	});
}
