import { BackupError } from '../errors';
import type { Storage } from '../storage/storage';
import { MANIFEST_SUFFIX, parseManifest, type Manifest } from './manifest';

/** A million parts make about 250 MB of manifest; more is not a manifest. */
const MAX_BYTES = 256 * 1024 * 1024;

export interface ReadManifest {
	manifest: Manifest;
	/** `postgres`; empty for the root. */
	folder: string;
}

/**
 * Reads and validates the manifest under a key.
 * @throws BackupError STORAGE_MISSING, MANIFEST_INVALID (also for one that belongs to a file of another name), and
 * what the storage throws.
 */
export async function readManifest(storage: Storage, key: string, signal?: AbortSignal): Promise<ReadManifest> {
	return manifestIn(await readText(storage, key, signal), key);
}

/** Like `readManifest`, for the many manifests that one run reads: quicker where the storage has a way for small objects. */
export function manifestReader(storage: Storage): (key: string, signal?: AbortSignal) => Promise<ReadManifest> {
	const readSmall = storage.smallReader?.();
	return async (key, signal) => {
		const content = await readSmall?.(key, signal);
		return manifestIn(content?.toString('utf8') ?? (await readText(storage, key, signal)), key);
	};
}

function manifestIn(text: string, key: string): ReadManifest {
	const manifest = parseManifest(text, key);
	const slash = key.lastIndexOf('/');
	if (key.slice(slash + 1) !== `${manifest.file}${MANIFEST_SUFFIX}`) {
		throw new BackupError(
			'MANIFEST_INVALID',
			`The manifest ${key} belongs to a file of another name: ${manifest.file}.`,
			{
				hint: 'It was renamed or copied. Give the archive and its manifest the names they were made with.',
			},
		);
	}
	return { manifest, folder: key.slice(0, Math.max(slash, 0)) };
}

async function readText(storage: Storage, key: string, signal: AbortSignal | undefined): Promise<string> {
	const chunks: Uint8Array[] = [];
	let bytes = 0;
	for await (const chunk of await storage.read(key, signal ? { signal } : {})) {
		chunks.push(chunk as Uint8Array);
		bytes += (chunk as Uint8Array).length;
		if (bytes > MAX_BYTES) throw new BackupError('MANIFEST_INVALID', `The manifest ${key} is too large to be one.`);
	}
	return Buffer.concat(chunks, bytes).toString('utf8');
}
