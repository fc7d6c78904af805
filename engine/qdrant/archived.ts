import { createArchive, type ArchiveWriter, type BackupKind, type CodecOptions, type CommitDetails } from '../archive';
import type { EncryptionKeys, Manifest } from '../archive';
import { cancelled } from '../errors';
import type { Storage } from '../storage';
import type { QdrantClient, SnapshotScope } from './client';
import { downloadSnapshot, type DownloadResult } from './download';
import { writeFrames } from './frames';
import type { SnapshotFacts } from './manifestSource';
import type { SnapshotDescription } from './types';

/** How a backup's archives are stored. */
export interface ArchiveChoices {
	storage: Storage;
	/** Folder in the storage; `qdrant` unless told. */
	folder?: string;
	codec: CodecOptions;
	encryption?: EncryptionKeys;
	timeZone?: string;
	runId?: string;
	tags?: string[];
	signal?: AbortSignal;
}

export interface NewArchive {
	name: string;
	extension: 'snapshot' | 'tar';
	kind: BackupKind;
	startedAt: Date;
	/** Bytes before compression, where known. */
	size?: number;
}

/** Opens an archive, lets `fill` write it, and commits it; nothing is left of it where anything fails. */
export async function archived(
	choices: ArchiveChoices,
	{ size, ...archive }: NewArchive,
	fill: (writer: ArchiveWriter) => Promise<CommitDetails>,
): Promise<Manifest> {
	const { storage, folder = 'qdrant', codec, encryption, timeZone, runId, tags, signal } = choices;
	const writer = await createArchive({
		...archive,
		storage,
		folder,
		timeZone,
		codec,
		encryption,
		signal,
		...(size !== undefined && codec.name === 'none' && { expectedSize: size }),
	});
	try {
		return await writer.commit({ ...(await fill(writer)), runId, tags });
	} catch (error) {
		await writer.abort(error);
		if (signal?.aborted) throw cancelled();
		throw error;
	}
}

/** A snapshot on a server, and whose it is. */
export interface SnapshotPlace {
	client: QdrantClient;
	scope: SnapshotScope;
	snapshot: SnapshotDescription;
}

/** Streams a snapshot from the server into an archive, as parts of this type. */
export async function storeSnapshot(
	writer: ArchiveWriter,
	type: string,
	{ client, scope, snapshot }: SnapshotPlace,
	watch: { signal?: AbortSignal; log?: (line: string) => void; onBytes: (bytesSoFar: number) => void },
): Promise<SnapshotFacts> {
	const result: DownloadResult = { bytes: 0, sha256: '' };
	const bytes = downloadSnapshot(client, scope, snapshot, result, {
		signal: watch.signal,
		onResume: (offset, reason) => watch.log?.(`The download broke at byte ${offset} (${reason}); going on from there`),
	});
	let done = 0;
	await writeFrames(writer, type, bytes, (length) => {
		done += length;
		watch.onBytes(done);
	});
	return { name: snapshot.name, size: result.bytes, sha256: result.sha256 };
}
