/**
 * How a snapshot comes from the server: by one GET, whose body is pulled by the code that stores it. When storing is slow, the
 * body is paused, and TCP's flow control stops the server. When the connection breaks (or stays silent for too long while we
 * wait for bytes), the rest is requested by range once the reader wants more. Facts of 1.16.3: the ETag stands
 * for the file (inode, size, time), the server honours Range and If-Match (it answers 412 where the file was
 * replaced), but ignores If-Range: it would send the rest of the other file. Bytes are counted and hashed before they are handed
 * on, and the last chunk is handed on only when both were right, so that a damaged copy is never complete.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { BackupError, cancelled, throwIfCancelled } from '../../errors';
import { untilAborted } from '../../storage/chunks';
import type { QdrantClient } from './client';
import { connectionFailure, explain, pauseWanted, QdrantFailure } from './failure';
import { type LongAnswer, readText } from './http';
import { describeScope, type SnapshotScope } from './scope';
import type { SnapshotDescription } from './types';

/** Attempts in a row without a byte in between, before the download fails. */
const ATTEMPTS = 5;
/** Where a server asks for a longer pause, the download fails. */
const MAX_PAUSE_MS = 60_000;

export interface DownloadOptions {
	signal?: AbortSignal;
	/** Called before each resumption. */
	onResume?: (offset: number, reason: string) => void;
}

/** What a download has found out. It is complete when the bytes have been read to the end. */
export interface DownloadResult {
	bytes: number;
	sha256: string;
}

/**
 * The bytes of a snapshot, compared with the size and the SHA-256 that the server reported when it made it.
 * @throws BackupError SOURCE_FAILED (other bytes than were announced; another file by now), SOURCE_UNREACHABLE (broken
 * for good), ACCESS_DENIED, CANCELLED
 */
export async function* downloadSnapshot(
	client: QdrantClient,
	scope: SnapshotScope,
	snapshot: SnapshotDescription,
	result: DownloadResult,
	options: DownloadOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
	const hash = createHash('sha256');
	let held: Uint8Array | undefined;
	for await (const chunk of downloadUnchecked(client, scope, snapshot, options)) {
		hash.update(chunk);
		result.bytes += chunk.length;
		if (held) yield held;
		held = chunk;
	}
	result.sha256 = hash.digest('hex');
	assertChecksum(scope, snapshot, result.sha256);
	if (held) yield held;
}

/**
 * Compares a SHA-256 (hex) with the one that the server reported for its snapshot.
 * @throws BackupError SOURCE_FAILED where they differ
 */
export function assertChecksum(scope: SnapshotScope, snapshot: SnapshotDescription, sha256: string): void {
	if (!snapshot.checksum || sha256 === snapshot.checksum.toLowerCase()) return;
	throw damaged(snapshot, `its SHA-256 is ${sha256}, the server reported ${snapshot.checksum}`, scope);
}

/**
 * Does the same as downloadSnapshot, but compares the size alone. It is for a caller that hashes the bytes anyway and that calls
 * `assertChecksum` before anybody can use its copy.
 */
export async function* downloadUnchecked(
	client: QdrantClient,
	scope: SnapshotScope,
	snapshot: SnapshotDescription,
	{ signal, onResume }: DownloadOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
	let offset = 0;
	let etag: string | undefined;
	let failures = 0;
	for (;;) {
		throwIfCancelled(signal);
		let answer: LongAnswer | undefined;
		try {
			answer = await request(client, scope, snapshot, { offset, etag, signal });
			etag = answer.head.headers.etag;
			for await (const chunk of chunksOf(answer.body, client.timeouts.idle, signal)) {
				offset += chunk.length;
				failures = 0;
				if (offset > snapshot.size) throw damaged(snapshot, `it has more than its ${snapshot.size} bytes`, scope);
				yield chunk;
			}
			if (offset === snapshot.size) return;
			if (answer.body.complete) throw damaged(snapshot, `it ended after ${offset} of ${snapshot.size} bytes`, scope);
			throw new QdrantFailure('the connection was closed too early', undefined, 'ECONNRESET');
		} catch (error) {
			if (signal?.aborted) throw cancelled();
			if (error instanceof BackupError) throw error;
			const failure = error instanceof QdrantFailure ? error : connectionFailure(error);
			failures++;
			const passing = failure.status === undefined || failure.status >= 500 || failure.status === 429;
			const wanted = (pauseWanted(failure) ?? 0) * 1000;
			// Without an ETag nobody can tell whether the rest belongs to what came before.
			if (!passing || wanted > MAX_PAUSE_MS || failures >= ATTEMPTS || (offset > 0 && etag === undefined)) {
				throw explain(
					failure,
					client.role,
					client.server,
					`Could not download the snapshot of ${describeScope(scope)}`,
				);
			}
			onResume?.(offset, failure.message);
			const pause = Math.max(client.timeouts.pause * 2 ** (failures - 1), wanted);
			await sleep(pause, undefined, { signal }).catch(() => {});
		} finally {
			answer?.body.destroy();
		}
	}
}

async function request(
	client: QdrantClient,
	scope: SnapshotScope,
	snapshot: SnapshotDescription,
	{ offset, etag, signal }: { offset: number; etag: string | undefined; signal: AbortSignal | undefined },
): Promise<LongAnswer> {
	const headers: Record<string, string> =
		offset > 0 && etag !== undefined ? { range: `bytes=${offset}-`, 'if-match': etag } : {};
	const { head, body } = await client.snapshots.open(scope, snapshot.name, headers, signal);
	const status = head.statusCode ?? 0;
	if (offset === 0 ? status === 200 : status === 206 && beginsAt(head, offset)) return { head, body };
	if (status === 412 || status === 200 || status === 206) {
		body.destroy();
		throw damaged(snapshot, 'it was replaced on the server while it was being read', scope);
	}
	const text = await readText(chunksOf(head, client.timeouts.idle, signal));
	throw client.snapshots.refusal({ status, text, headers: head.headers });
}

function beginsAt(head: LongAnswer['head'], offset: number): boolean {
	return head.headers['content-range']?.startsWith(`bytes ${offset}-`) === true;
}

/** Yields the chunks of a body. The time of silence is measured only while we wait for bytes, not while our reader is busy. */
async function* chunksOf(
	body: LongAnswer['body'],
	idleTimeout: number,
	signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
	const bytes = signal ? untilAborted(body, signal) : (body as AsyncIterable<Uint8Array>);
	const iterator = bytes[Symbol.asyncIterator]();
	try {
		for (;;) {
			const timer = setTimeout(
				() => body.destroy(new QdrantFailure('the server fell silent', undefined, 'ETIMEDOUT')),
				idleTimeout || 2 ** 31 - 1,
			);
			const next = await iterator.next().finally(() => clearTimeout(timer));
			if (next.done) return;
			yield next.value;
		}
	} finally {
		await iterator.return?.();
	}
}

function damaged({ name }: SnapshotDescription, reason: string, scope: SnapshotScope): BackupError {
	return new BackupError(
		'SOURCE_FAILED',
		`The snapshot ${name} of ${describeScope(scope)} did not arrive: ${reason}.`,
		{
			hint: 'Something changed it on the way, or another snapshot of the same second replaced it. Run the backup again.',
		},
	);
}
