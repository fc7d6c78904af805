import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';

import { assertSelfContained, type ArchiveReader } from '../../archive';
import { BackupError } from '../../errors';
import { collectionSource, type CollectionSource } from '../manifestSource';
import { checkSnapshot, type SnapshotReport } from '../snapshot';

/** What a collection has to be like to take a snapshot in. */
export type CollectionShape = Pick<CollectionSource, 'config' | 'shards'>;

/** One `.snapshot` file: a collection's, or a shard's. */
export interface SnapshotPiece {
	/** Undefined for a collection's snapshot. */
	shard?: number;
	/** Bytes. */
	size: number;
	/** SHA-256 of the file, in hex. */
	sha256: string;
	/** Its bytes from the beginning; may be asked for again. */
	open(signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

/** What a restore reads. */
export interface RestoreSource {
	/** As messages name it: `docs_20260131_020000.snapshot.zst`. */
	description: string;
	/** What the manifest tells; undefined for a snapshot made by others. */
	facts?: CollectionSource;
	/** Without `facts`: what the snapshot itself says, where it was read. */
	shape?: CollectionShape;
	/** Without `facts`: its points by its own files, roughly. */
	points?: number;
	/** A collection's snapshot, or one for each shard; none where the server fetches it. */
	pieces: SnapshotPiece[];
	/**
	 * Reads a stored archive to its end and compares it with its manifest, before a target is touched. Undefined where that was
	 * done, or nobody but the server can.
	 */
	prove?: ((signal?: AbortSignal) => Promise<void>) | undefined;
	/** Where the server fetches a collection's snapshot by itself. */
	remote?: { url: string; sha256: string };
}

/**
 * A backup of a collection, from the storage.
 * @throws BackupError INVALID_INPUT for a backup of something else, MANIFEST_INVALID, MANIFEST_NEWER
 */
export function archiveSource(reader: ArchiveReader): RestoreSource {
	const { manifest } = reader;
	assertSelfContained(manifest);
	const facts = collectionSource(manifest);
	const description = manifest.file;
	const prove = proofOf(reader);
	if (facts.snapshot) {
		const { size, sha256 } = facts.snapshot;
		return { description, facts, prove, pieces: [{ size, sha256, open: (signal) => reader.raw(signal) }] };
	}
	const pieces = facts.shards.flatMap(({ id, snapshot }): SnapshotPiece[] => {
		if (!snapshot) return [];
		const { size, sha256 } = snapshot;
		return [{ shard: id, size, sha256, open: (signal) => shardBytes(reader, id, signal) }];
	});
	return { description, facts, prove, pieces };
}

function proofOf(reader: ArchiveReader): (signal?: AbortSignal) => Promise<void> {
	return async (signal) => {
		await reader.assertOpens(signal);
		await reader.verifyStored(signal);
	};
}

async function* shardBytes(reader: ArchiveReader, id: number, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
	for await (const { raw } of reader.parts(({ type }) => type === `shard-${id}`, signal)) {
		if (Buffer.isBuffer(raw)) yield raw;
		else for await (const chunk of raw) yield chunk as Uint8Array;
	}
}

export interface ForeignSnapshotOptions {
	/** The file's name, for messages. */
	description: string;
	/** Opens it from the beginning; called twice, since its checksum must be known before it is sent. */
	open: () => Promise<Readable>;
	/** SHA-256 as the server reported it when the snapshot was made; without one the file is sent with its own. */
	checksum?: string;
	signal?: AbortSignal;
}

/**
 * A collection's `.snapshot` file made by others, uncompressed. Reads it once for its size, its SHA-256 and its structure.
 * @throws BackupError ARCHIVE_CORRUPT where it is damaged or not what the checksum says; INVALID_INPUT where it is no
 * collection's snapshot; CANCELLED; what the stream throws
 */
export async function foreignSnapshot(options: ForeignSnapshotOptions): Promise<RestoreSource> {
	const { description, open, checksum, signal } = options;
	const hash = createHash('sha256');
	let size = 0;
	const counted = async function* () {
		for await (const chunk of await open()) {
			hash.update(chunk as Uint8Array);
			size += (chunk as Uint8Array).length;
			yield chunk as Uint8Array;
		}
	};
	const report = await checkSnapshot(counted(), { ...(signal && { signal }) });
	assertCollectionSnapshot(report, description);
	const sha256 = hash.digest('hex');
	if (checksum !== undefined && checksum.trim().toLowerCase() !== sha256) {
		throw new BackupError('ARCHIVE_CORRUPT', `${description} has the SHA-256 ${sha256}, not ${checksum.trim()}.`, {
			hint: 'The file was damaged or is another one.',
		});
	}
	return checkedSnapshot({ description, report, size, sha256, open });
}

/** A collection's `.snapshot` file made by others that was read and found intact: `report`, `size` and `sha256` are of all of it. */
export function checkedSnapshot({
	description,
	report,
	size,
	sha256,
	open,
}: Omit<SnapshotPiece, 'shard' | 'open'> & {
	description: string;
	report: SnapshotReport;
	open: () => Promise<AsyncIterable<Uint8Array>>;
}): RestoreSource {
	const content = async function* () {
		for await (const chunk of await open()) yield chunk;
	};
	const shape = shapeOf(report);
	const points = report.collections[0]?.points;
	return {
		description,
		...(shape && { shape }),
		...(points !== undefined && { points }),
		pieces: [{ size, sha256, open: content }],
	};
}

/** Undefined for the snapshot of a cluster's peer, which has not the data of all shards. */
function shapeOf({ collections: [content] }: SnapshotReport): CollectionShape | undefined {
	if (!content?.config || content.shards.some(({ isLocal }) => !isLocal)) return undefined;
	const { config, shardKeys, shards } = content;
	const keyOf = (id: number) => shardKeys.find(({ shardIds }) => shardIds.includes(id))?.key;
	return {
		config,
		shards: shards.map(({ id = 0 }) => {
			const key = keyOf(id);
			return { id, ...(key !== undefined && { key }), peers: [] };
		}),
	};
}

function assertCollectionSnapshot({ type, intact, findings }: SnapshotReport, description: string): void {
	if (type === 'collection' && intact) return;
	if (type === 'shard' || type === 'storage') {
		const what = type === 'shard' ? 'one shard' : 'the whole storage';
		throw new BackupError('INVALID_INPUT', `${description} is a snapshot of ${what}, not of a collection.`, {
			hint: 'Qdrant takes one of the whole storage at its start only, and one of a shard into a shard. See Restore without n8n.',
		});
	}
	const finding = findings.find(({ severity }) => severity === 'error');
	const found = [finding?.where, finding?.what].filter(Boolean).join(': ');
	if (type === 'unknown') {
		throw new BackupError(
			'INVALID_INPUT',
			`${description} is not a snapshot as Qdrant makes it, which is a tar. ${found}`.trim(),
			{
				hint: 'Decompress and decrypt it first. For a backup that Back Up made, give its manifest as well.',
			},
		);
	}
	throw new BackupError('ARCHIVE_CORRUPT', `The snapshot ${description} is damaged. ${found}`, {
		hint: 'Nothing was changed. Choose another snapshot, or fetch this one again.',
		details: { findings },
	});
}

/**
 * A snapshot that the Qdrant server fetches by itself: a presigned URL of a bucket, or another Qdrant server. What lies
 * there must be the bare `.snapshot` file. The URL is shown nowhere, since it may hold a signature.
 * @param from The archive behind the URL, or its checksum.
 * @throws BackupError INVALID_INPUT for an archive that is compressed, encrypted or of a cluster
 */
export function remoteSnapshot(url: string, from: ArchiveReader | { sha256: string }): RestoreSource {
	if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) {
		throw new BackupError('INVALID_INPUT', 'The server can fetch snapshots from http:// and https:// URLs only.');
	}
	if ('sha256' in from) return { description: 'the snapshot behind the URL', pieces: [], remote: { url, ...from } };
	const { manifest } = from;
	const facts = collectionSource(manifest);
	if (manifest.codec.name !== 'none' || manifest.encryption || !facts.snapshot) {
		throw new BackupError('INVALID_INPUT', `The server cannot read ${manifest.file} by itself.`, {
			hint: 'That takes a backup of a single server without compression and encryption. Restore this one by upload.',
		});
	}
	const prove = proofOf(from);
	return { description: manifest.file, facts, prove, pieces: [], remote: { url, sha256: facts.snapshot.sha256 } };
}
