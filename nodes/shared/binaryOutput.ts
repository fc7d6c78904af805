/**
 * How bytes move: the archive's bytes are pulled by n8n's binary data service, which writes them where n8n keeps binary
 * data; nothing is collected here. (n8n itself collects them where it keeps binary data in memory or in its database.)
 */
import { Readable } from 'node:stream';

import type { BinaryHelperFunctions, IBinaryData } from 'n8n-workflow';

import { BackupError, messageOf, type RemovalFailure, type Storage, type StoredObject } from '../../engine';

const MIME_TYPES: Record<string, string> = {
	gpg: 'application/pgp-encrypted',
	zst: 'application/zstd',
	gz: 'application/gzip',
	json: 'application/json',
	sql: 'application/sql',
	tar: 'application/x-tar',
};

/** A storage for archives, which become n8n binary data instead of files. Their manifests go into the items' JSON. */
export class BinaryOutput implements Storage {
	readonly description = 'n8n binary data';
	readonly isOneRuns = true;
	readonly #archives = new Map<string, IBinaryData>();

	constructor(private readonly helpers: Pick<BinaryHelperFunctions, 'prepareBinaryData'>) {}

	/** The archive of that key, once it has been written. */
	binary(key: string): IBinaryData | undefined {
		return this.#archives.get(key);
	}

	async write(key: string, source: AsyncIterable<Uint8Array>): Promise<StoredObject> {
		const file = key.slice(key.lastIndexOf('/') + 1);
		const counter = { bytes: 0 };
		const stream = Readable.from(counted(source, counter), { objectMode: false });
		try {
			const mimeType = MIME_TYPES[file.slice(file.lastIndexOf('.') + 1)] ?? 'application/octet-stream';
			const binary = await this.helpers.prepareBinaryData(stream, file, mimeType);
			this.#archives.set(key, binary);
			return { key, size: binary.bytes ?? counter.bytes, modifiedAt: new Date() };
		} catch (error) {
			stream.destroy();
			throw notTaken(file, error);
		}
	}

	/** The manifest is returned by the backup itself. */
	async replace(): Promise<void> {}

	read(key: string): Promise<Readable> {
		return Promise.reject(new BackupError('STORAGE_MISSING', `${key} cannot be read back from ${this.description}.`));
	}

	async stat(): Promise<undefined> {}

	async *list(): AsyncGenerator<StoredObject> {}

	/** Binary data belongs to the execution: n8n removes it together with that. */
	remove(key: string): Promise<void> {
		this.#archives.delete(key);
		return Promise.resolve();
	}

	removeMany(keys: readonly string[]): Promise<RemovalFailure[]> {
		for (const key of keys) this.#archives.delete(key);
		return Promise.resolve([]);
	}

	async setLatest(): Promise<void> {}

	async readLatest(): Promise<undefined> {}

	async freeBytes(): Promise<undefined> {}

	sweep(): Promise<string[]> {
		return Promise.resolve([]);
	}
}

async function* counted(source: AsyncIterable<Uint8Array>, counter: { bytes: number }): AsyncGenerator<Uint8Array> {
	for await (const chunk of source) {
		counter.bytes += chunk.length;
		yield chunk;
	}
}

function notTaken(file: string, error: unknown): BackupError {
	if (error instanceof BackupError) return error;
	return new BackupError('STORAGE_FAILED', `n8n could not take ${file} as binary data: ${messageOf(error)}`, {
		cause: error,
		hint: 'Check the disk that n8n keeps binary data on, or choose Backup Storage as the destination.',
	});
}
