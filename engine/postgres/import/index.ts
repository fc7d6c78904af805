import { decryptMessage, type DecryptionKeys } from '../../archive';
import {
	detectDump,
	type DetectedDump,
	type DumpFormat,
	type DumpObject,
	type DumpWrapper,
	listObjects,
	listPlainDump,
	openArchive,
} from '../foreign';
import type { RestoreSource } from '../restore/source';

import { CustomSource } from './customSource';
import { PlainSource } from './plainSource';

/** A file that somebody else's pg_dump wrote. */
export interface ForeignDump {
	/** For messages. */
	name: string;
	/** Opens the file from its first byte. A restore reads it more than once. */
	open: (signal?: AbortSignal) => Promise<AsyncIterable<Uint8Array>>;
	/** For files encrypted with gpg. */
	keys?: DecryptionKeys;
}

export interface ForeignListing {
	format: DumpFormat;
	/** Compression and encryption around it, outermost first. */
	wrappers: DumpWrapper[];
	objects: DumpObject[];
}

async function detect({ open, keys }: ForeignDump, signal?: AbortSignal): Promise<DetectedDump> {
	return await detectDump(await open(signal), {
		signal,
		decrypt: keys && ((message) => decryptMessage(message, keys)),
	});
}

/**
 * Recognises a dump by its content and makes it a source for restoreDatabase: plain SQL or pg_dump's custom format,
 * as it is or wrapped in gzip, zstd or OpenPGP.
 * @throws BackupError INVALID_INPUT for what is no such dump, with what to do instead; KEY_MISSING, KEY_WRONG.
 */
export async function openForeignDump(dump: ForeignDump, signal?: AbortSignal): Promise<RestoreSource> {
	const { format, stream } = await detect(dump, signal);
	await stream[Symbol.asyncIterator]().return?.();
	const open = async (later?: AbortSignal) => (await detect(dump, later)).stream;
	return format === 'custom' ? new CustomSource(dump.name, open) : new PlainSource(dump.name, open);
}

/** Lists what a dump holds, without restoring it. Reads a plain script to its end. */
export async function listForeignDump(dump: ForeignDump, signal?: AbortSignal): Promise<ForeignListing> {
	const { format, wrappers, stream } = await detect(dump, signal);
	if (format === 'plain') return { format, wrappers, objects: await listPlainDump(stream, { signal }) };
	const archive = await openArchive(stream, { signal });
	await archive.close();
	return { format, wrappers, objects: listObjects(archive.toc) };
}
