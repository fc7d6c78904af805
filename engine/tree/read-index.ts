/** Reads the index of a backup or of a checkpoint, as a stream in the order of names. */
import { throwIfCancelled } from '../errors';
import type { ArchiveReader, Manifest } from '../archive';
import { BackupError } from '../errors';
import { giveBack } from '../storage/lent';
import type { TreeEntry } from './entry';
import { LARGEST_CHUNK, parseChunkMember } from './index-chunk';
import { compareNames, shownName } from './name';

/** The chunks that were copied from checkpoints come before the archive's own, whatever their place in the file. */
const PART_TYPES = ['index-before', 'index'];

/**
 * Each chunk of the index, with the header of its member. @throws BackupError as ArchiveReader.parts does
 * @param options.lends whether chunks are lent (storage/lent.ts), and are to be given back
 */
export async function* indexChunks(
	reader: ArchiveReader,
	signal?: AbortSignal,
	options: { lends?: boolean } = {},
): AsyncGenerator<Uint8Array> {
	for (const wanted of PART_TYPES) {
		if (!reader.manifest.parts.some(({ type }) => type === wanted)) continue;
		for await (const { raw } of reader.parts(({ type }) => type === wanted, signal, options)) {
			if (!Buffer.isBuffer(raw) || raw.length > LARGEST_CHUNK) throw tooLarge(reader.key);
			yield raw;
		}
	}
}

/**
 * All entries of the index.
 * @throws BackupError ARCHIVE_CORRUPT also where they are not in order, or are in an archive that the manifest does not name
 */
export async function* readIndex(reader: ArchiveReader, signal?: AbortSignal): AsyncGenerator<TreeEntry> {
	for await (const entries of readChunks(reader, signal)) for (const entry of entries) yield entry;
}

/** The same by chunks, each to be read to its end before the next: to wait for each entry takes longer than to read it. */
export async function* readChunks(
	reader: ArchiveReader,
	signal?: AbortSignal,
): AsyncGenerator<Generator<TreeEntry, void>> {
	const known = knownArchives(reader.manifest);
	let last: string | undefined;
	const checked = function* (chunk: Uint8Array): Generator<TreeEntry, void> {
		for (const entry of parseChunkMember(chunk, reader.key)) {
			if (last !== undefined && compareNames(last, entry.name) >= 0) throw notInOrder(reader.key, entry.name);
			if (entry.content && !known.has(entry.content.archive)) throw unnamed(reader.key, entry.name);
			last = entry.name;
			yield entry;
		}
	};
	for await (const chunk of indexChunks(reader, signal, { lends: true })) {
		throwIfCancelled(signal);
		yield checked(chunk);
		giveBack(chunk);
	}
}

/** The archives that entries of a backup may be in: its own, and those that it needs. */
export function knownArchives({ id, needs = [] }: Pick<Manifest, 'id' | 'needs'>): ReadonlySet<string> {
	return new Set([id, ...needs]);
}

function tooLarge(key: string): BackupError {
	return corrupt(key, 'has a part of more than 16 MiB');
}

function notInOrder(key: string, name: string): BackupError {
	return corrupt(key, `is not in order at ${shownName(name)}`);
}

function unnamed(key: string, name: string): BackupError {
	return corrupt(key, `looks for ${shownName(name)} in an archive that the backup does not name`);
}

function corrupt(key: string, what: string): BackupError {
	return new BackupError('ARCHIVE_CORRUPT', `The index of ${key} ${what}.`, {
		hint: 'Choose another backup, or a copy of this one.',
	});
}
