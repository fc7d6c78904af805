import { writeFrames, type ArchiveWriter } from '../../archive';
import type { QdrantClient } from '../client/client';
import {
	assertChecksum,
	type DownloadOptions,
	type DownloadResult,
	downloadSnapshot,
	downloadUnchecked,
} from '../client/download';
import type { SnapshotScope } from '../client/scope';
import type { SnapshotDescription } from '../client/types';
import type { SnapshotFacts } from '../manifestSource';

/** A snapshot on a server, and whose it is. */
export interface SnapshotPlace {
	client: QdrantClient;
	scope: SnapshotScope;
	snapshot: SnapshotDescription;
}

/**
 * Streams a snapshot from the server into an archive, as parts of this type: as frames, or, where the file is nothing but
 * the snapshot, as one part, so that its bytes are hashed once for server, part and file. Whoever calls aborts the archive
 * when this fails, for the one part is compared with the server's checksum only when all of it has been appended.
 */
export async function storeSnapshot(
	writer: ArchiveWriter,
	type: string,
	{ client, scope, snapshot }: SnapshotPlace,
	watch: { signal?: AbortSignal; log?: (line: string) => void; onBytes: (bytesSoFar: number) => void },
): Promise<SnapshotFacts> {
	const options: DownloadOptions = {
		signal: watch.signal,
		onResume: (offset, reason) => watch.log?.(`The download broke at byte ${offset} (${reason}); going on from there`),
	};
	let done = 0;
	const onBytes = (length: number) => watch.onBytes((done += length));
	if (writer.isVerbatim && writer.progress.rawBytes === 0) {
		const bytes = counted(downloadUnchecked(client, scope, snapshot, options), onBytes);
		const { sha256 } = await writer.stream({ type }, bytes);
		assertChecksum(scope, snapshot, sha256);
		return { name: snapshot.name, size: done, sha256 };
	}
	const result: DownloadResult = { bytes: 0, sha256: '' };
	await writeFrames(writer, type, downloadSnapshot(client, scope, snapshot, result, options), onBytes);
	return { name: snapshot.name, size: result.bytes, sha256: result.sha256 };
}

async function* counted(
	source: AsyncIterable<Uint8Array>,
	onBytes: (length: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
	for await (const chunk of source) {
		onBytes(chunk.length);
		yield chunk;
	}
}
