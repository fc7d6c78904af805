/** How a system makes an archive: it brings what the archive is of, and fills it; all else is the same for every system. */
import { cancelled } from '../../errors';
import type { ArchiveChoices } from '../choices';
import { createArchive, type CreateArchiveOptions } from './create';
import type { Manifest } from '../manifest/manifest';
import { usualFolder } from '../naming';
import type { CommitDetails } from './publish';
import type { ArchiveWriter } from './writer';

/** What an archive is of. */
export interface NewArchive extends Pick<CreateArchiveOptions, 'name' | 'extension' | 'kind' | 'startedAt'> {
	/** Bytes before compression, where they are known. */
	size?: number;
	/** Bytes that it may come to, where they can only be estimated: rather too many than too few. */
	estimatedSize?: number;
}

/**
 * Begins an archive. Whoever begins one ends it with `commit` or `abort`; `makeArchive` does that by itself.
 * @throws BackupError as createArchive does
 */
export async function beginArchive(
	{ storage, codec, encryption, timeZone, signal, folder, beforeCommit }: ArchiveChoices,
	{ size, estimatedSize = size, ...archive }: NewArchive,
): Promise<ArchiveWriter> {
	return await createArchive({
		...archive,
		storage,
		folder: folder ?? usualFolder(archive.kind),
		codec,
		encryption,
		timeZone,
		signal,
		beforeCommit,
		...(size !== undefined && codec.name === 'none' && { expectedSize: size }),
		...(estimatedSize !== undefined && { estimatedSize }),
	});
}

/**
 * Makes an archive: begins it, lets `fill` write it, and commits it. Nothing is left of it where anything fails.
 * @returns its manifest
 * @throws BackupError CANCELLED, as createArchive and ArchiveWriter.commit do, and what `fill` throws
 */
export async function makeArchive(
	choices: ArchiveChoices,
	archive: NewArchive,
	fill: (writer: ArchiveWriter) => Promise<CommitDetails>,
): Promise<Manifest> {
	const { runId, tags, signal } = choices;
	const writer = await beginArchive(choices, archive);
	try {
		return await writer.commit({ ...(await fill(writer)), runId, tags });
	} catch (error) {
		await writer.abort(error);
		if (signal?.aborted) throw cancelled();
		throw error;
	}
}
