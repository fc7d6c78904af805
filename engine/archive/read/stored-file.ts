import { createHash } from 'node:crypto';

import { BackupError } from '../../errors';
import { giveBack } from '../../storage/lent';
import type { Storage } from '../../storage/storage';
import type { Manifest } from '../manifest/manifest';

/** The error for an archive whose bytes are not the ones that were written. */
export function corrupt(key: string, what: string, cause?: unknown): BackupError {
	return new BackupError('ARCHIVE_CORRUPT', `The archive ${key} is damaged: ${what}.`, {
		...(cause === undefined ? {} : { cause }),
		hint: 'Do not restore from it. Choose another backup, and check the storage that returned it.',
	});
}

export interface StoredFileOptions {
	storage: Storage;
	key: string;
	manifest: Pick<Manifest, 'sha256' | 'size'>;
	signal?: AbortSignal;
}

/** Throws STORAGE_MISSING where the archive is gone and ARCHIVE_CORRUPT where it has another size than was stored. */
export async function assertStoredSize({ storage, key, manifest }: StoredFileOptions): Promise<void> {
	const found = await storage.stat(key);
	if (!found) {
		throw new BackupError('STORAGE_MISSING', `The archive ${key} is no longer in ${storage.description}.`, {
			hint: 'Its manifest is still there, so something other than this tool removed it. Choose another backup.',
		});
	}
	const { stored } = manifest.size;
	if (found.size !== stored) throw corrupt(key, `it has ${found.size} bytes where ${stored} were stored`);
}

/** One pass over the stored bytes, hashed and counted as they go by. Chunks may be lent (storage/lent.ts). */
export class StoredFile {
	/** Bytes read so far. */
	size = 0;
	/** The first failure of the storage, for telling it from what it led to further down. */
	failure: { error: unknown } | undefined;
	/** Whether `verify` found that all of it is what was stored. */
	isRight = false;
	readonly bytes: AsyncGenerator<Uint8Array>;
	readonly #options: StoredFileOptions;
	readonly #hash = createHash('sha256');
	/** The hash of all bytes. A hash object gives its result only once, and whoever meets a failure asks again. */
	#digest: string | undefined;

	constructor(options: StoredFileOptions) {
		this.#options = options;
		this.bytes = this.#read();
	}

	async *#read(): AsyncGenerator<Uint8Array> {
		const { storage, key, signal } = this.#options;
		try {
			const source = await storage.read(key, { lends: true, ...(signal ? { signal } : {}) });
			// Its reader meets its errors; one that comes when nobody reads any more must not end the process.
			source.on('error', () => {});
			for await (const chunk of source) {
				this.#hash.update(chunk as Uint8Array);
				this.size += (chunk as Uint8Array).length;
				yield chunk as Uint8Array;
			}
		} catch (error) {
			this.failure ??= { error };
			throw error;
		}
	}

	/** Reads whatever has not been read and throws ARCHIVE_CORRUPT unless all of it is what was stored. */
	async verify(): Promise<void> {
		for await (const chunk of this.bytes) giveBack(chunk);
		if (this.failure) throw this.failure.error;
		const { key, manifest } = this.#options;
		const { stored } = manifest.size;
		if (this.size !== stored) throw corrupt(key, `it has ${this.size} bytes where ${stored} were stored`);
		this.#digest ??= this.#hash.digest('hex');
		if (this.#digest !== manifest.sha256) throw corrupt(key, 'its SHA-256 is not the one that was stored');
		this.isRight = true;
	}

	/** Lets go of the storage. */
	async close(): Promise<void> {
		await this.bytes.return(undefined);
	}
}
