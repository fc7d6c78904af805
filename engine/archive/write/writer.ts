/**
 * How bytes move through a write. A raw frame is compressed on the thread pool, several at a time; the compressed frames queue
 * for the output, which one of them (or one stream) holds at a time, so frames land whole and in the order in which they are
 * ready. The output hashes each frame for the index and, where nothing is encrypted, for the file. From there on everything
 * is pulled by the storage: channel -> encryption, where asked for -> SHA-256 and count -> storage.write. Waiting in memory at most: twice as many frames as are compressed at once, or
 * 32 MiB of compressed ones where that is less, one frame for each caller, and the channel's 8 MiB. A slow storage stops the
 * channel, the channel stops the output, the output stops the frames, and `frame` stops its callers.
 *
 * The first failure, whoever meets it, ends everything: the channel is destroyed, the storage drops what it has
 * written, and every method from then on throws that failure.
 */
import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';

import { BackupError, cancelled } from '../../errors';
import { untilAborted } from '../../storage/chunks';
import type { StoredObject } from '../../storage/storage';
import { inBlocks, totalLength } from '../blocks';
import { createCompressor } from '../codec';
import { COMPRESSORS, FrameCompressor } from './frame-compressor';
import { frameSizeFor, type FrameSizes } from './frame-size';
import type { Manifest, ManifestPart } from '../manifest/manifest';
import { assertReadable } from '../manifest/room';
import { formatManifest, parseManifest } from '../manifest/text';
import { keyIn, manifestKeyOf } from '../naming';
import { ArchiveOutput, type PartDetails } from './output';
import { manifestOf, pointAt, type CommitDetails } from './publish';
import type { WriterSettings } from './writer-settings';

const STREAM_BLOCK_BYTES = 256 * 1024;
/** As many again as are compressed: on a busy machine each wait for a thread takes long, and none should stop the others. */
const FRAMES_AT_ONCE = 2 * COMPRESSORS;
/** Compressed bytes that wait for the output before callers wait, too. Frames grow with the archive, its memory must not. */
const WAITING_BYTES = 32 * 1024 * 1024;

/** Writes one archive; made by createArchive. Ends with `commit` or `abort`, always. */
export class ArchiveWriter {
	/** The id of the backup that it will be. */
	readonly id: string;
	/** Base name of the archive. */
	readonly file: string;
	readonly key: string;
	/** Resolves when the storage asks for the first byte, so has accepted the key; rejects when it does not. */
	readonly opened: Promise<void>;

	readonly #settings: WriterSettings;
	readonly #output: ArchiveOutput;
	readonly #compressor: FrameCompressor;
	readonly #controller = new AbortController();
	readonly #written: Promise<StoredObject>;
	readonly #jobs = new Set<Promise<void>>();
	readonly #onSignal = () => void this.abort(cancelled()).catch(() => {});
	#waiting: (() => void)[] = [];
	/** Bytes of frames that are compressed and not appended yet. */
	#waitingBytes = 0;
	#state: 'open' | 'committing' | 'committed' = 'open';
	#failure: { error: unknown } | undefined;
	#manifestStored: Promise<unknown> = Promise.resolve();
	#cleanedUp: Promise<void> | undefined;

	constructor(settings: WriterSettings) {
		this.#settings = settings;
		this.#output = new ArchiveOutput(settings.encryptor);
		this.#compressor = new FrameCompressor(settings.codec);
		this.id = settings.id;
		this.file = settings.file;
		this.key = keyIn(settings.folder, settings.file);
		let onFirstPull = () => {};
		const firstPull = new Promise<void>((resolve) => (onFirstPull = resolve));
		this.#written = settings.storage.write(this.key, this.#output.stored(onFirstPull), {
			signal: this.#controller.signal,
			...(settings.expectedSize === undefined ? {} : { expectedSize: settings.expectedSize }),
			...(settings.estimatedSize === undefined ? {} : { estimatedSize: settings.estimatedSize }),
		});
		this.#written.then(
			() => this.#assertAllTaken(),
			(error: unknown) => this.#fail(error),
		);
		this.opened = Promise.race([firstPull, this.#written.then(() => {})]);
		this.opened.catch(() => {});
		if (settings.signal?.aborted) this.#onSignal();
		else settings.signal?.addEventListener('abort', this.#onSignal, { once: true });
	}

	/** Bytes so far: raw ones that were compressed and appended, stored ones that the storage took. */
	get progress(): { rawBytes: number; storedBytes: number } {
		return { rawBytes: this.#output.rawBytes, storedBytes: this.#output.storedBytes };
	}

	/** Raw bytes that the next frame is to have at most; more than `largest` for one to be streamed. See frame-size.ts. */
	frameSize(sizes: FrameSizes): number {
		return frameSizeFor(sizes, this.#output.rawBytes);
	}

	/** Whether nothing is compressed or encrypted: the stored file is the bytes that were handed in. */
	get isVerbatim(): boolean {
		return this.#settings.codec.name === 'none' && !this.#settings.encryptor;
	}

	/**
	 * Compresses one frame off the main thread and appends it; resolves when there is room for more, and the buffers may be
	 * used again. Any number of callers may be at it at once: frames land whole, in the order in which they are ready. A
	 * failure after the promise has resolved shows in the next call, at the latest in `commit`.
	 * @param options `isGiven`: the buffers are the writer's from now on, so that nothing waits for the compression: several
	 * frames of one caller are compressed at once, and land in the order in which they were given. `atOnce`: how many frames may be
	 * under way when it resolves, for frames that are large.
	 */
	async frame(
		part: PartDetails,
		raw: Uint8Array | Uint8Array[],
		{ isGiven = false, atOnce = FRAMES_AT_ONCE }: { isGiven?: boolean; atOnce?: number } = {},
	): Promise<void> {
		this.#assertOpen();
		const pieces = Array.isArray(raw) ? raw : [raw];
		if (isGiven) {
			this.#track(
				this.#output.hold(this.#appending(part, totalLength(pieces), this.#compressor.compressGiven(pieces))),
			);
		} else {
			const compressed = this.#compressor.compress(pieces);
			const append = this.#appending(part, totalLength(pieces), compressed);
			this.#track(compressed.then(() => this.#output.hold(append)));
			await compressed.catch(() => {});
		}
		while (this.#jobs.size > atOnce || this.#waitingBytes > WAITING_BYTES) {
			this.#throwIfFailed();
			await this.#change();
		}
		this.#throwIfFailed();
	}

	/**
	 * Appends one frame of any length in constant memory; other frames wait meanwhile. Resolves with its entry in the
	 * manifest, to which `rows` may still be added. A source that fails ends the whole archive with that error.
	 */
	async stream(part: PartDetails, source: AsyncIterable<Uint8Array>): Promise<ManifestPart> {
		this.#assertOpen();
		const job = this.#output.hold(() => this.#appendStream(part, source));
		this.#track(job);
		return await job.catch((error: unknown) => {
			throw this.#failure?.error ?? error;
		});
	}

	/** Resolves when everything handed in before has been appended: what comes next comes after it in the file. */
	async drain(): Promise<void> {
		await Promise.all([...this.#jobs]);
		this.#throwIfFailed();
	}

	/**
	 * Makes the backup exist: the archive durable first, its manifest last, then the `latest` pointer if it is whole. Whatever fails
	 * before the manifest is stored removes the archive; a pointer that cannot be set is only a warning, since nothing
	 * finds a backup by it. Throws the first failure of the whole write.
	 */
	async commit(details: CommitDetails): Promise<Manifest> {
		await this.#cleanedUp?.catch(() => {});
		this.#assertOpen();
		this.#state = 'committing';
		try {
			await this.drain();
			// Stock tools do not take an empty file for an empty archive.
			if (this.#output.parts.length === 0) {
				this.#track(this.#output.hold(this.#appending({ type: 'empty' }, 0, this.#compressor.compress([]))));
			}
			await this.drain();
			this.#output.end();
			this.#assertStored(await this.#written);
			await this.#settings.beforeCommit?.();
			const manifest = await this.#settings.prove(manifestOf(this.#settings, this.#output, details));
			await this.#storeManifest(manifest);
			this.#state = 'committed';
			await this.#close();
			return await pointAt(this.#settings, this.key, manifest);
		} catch (error) {
			// The failure that began it is the one to tell; an archive that cannot be removed has no manifest, so is none.
			await this.abort(error).catch(() => {});
			throw this.#failure?.error ?? error;
		}
	}

	/**
	 * Ends the write and leaves nothing in the storage. Safe at any time and any number of times; after `commit` it does
	 * nothing. Rejects only where an archive that was already stored cannot be removed.
	 */
	async abort(reason: unknown = cancelled()): Promise<void> {
		if (this.#state === 'committed') return;
		this.#fail(reason);
		await this.#cleanedUp;
	}

	async #cleanUp(): Promise<void> {
		try {
			await Promise.all([...this.#jobs]);
			const [archive] = await Promise.allSettled([this.#written, this.#manifestStored]);
			if (archive.status === 'rejected') return;
			// A manifest may be there although storing it failed. Where it cannot be removed, the archive has to stay.
			await this.#settings.storage.remove(manifestKeyOf(this.key));
			await this.#settings.storage.remove(this.key);
		} finally {
			await this.#close();
		}
	}

	async #close(): Promise<void> {
		this.#settings.signal?.removeEventListener('abort', this.#onSignal);
		this.#compressor.close();
		await this.#settings.onClosed();
	}

	/** Pushes a frame when it is compressed; to be run while the output is held. */
	#appending(details: PartDetails, rawLength: number, compressed: Promise<Uint8Array[]>): () => Promise<void> {
		let length = 0;
		const counted = compressed.then((pieces) => {
			length = totalLength(pieces);
			this.#waitingBytes += length;
			return pieces;
		});
		// Its failure is handled when the output is held, which may be later.
		counted.catch(() => {});
		return async () => {
			try {
				await this.#output.append(details, await counted, rawLength);
			} finally {
				this.#waitingBytes -= length;
			}
		};
	}

	async #appendStream(details: PartDetails, source: AsyncIterable<Uint8Array>): Promise<ManifestPart> {
		// Without encryption, the hash of the file so far is that of its first part; hashing is much of the work.
		const hash = this.#output.hashesFirstPart ? undefined : createHash('sha256');
		let rawLength = 0;
		let length = 0;
		const live = untilAborted(source, this.#controller.signal);
		const compressor = createCompressor(this.#settings.codec);
		const counted = async function* () {
			for await (const block of compressor ? inBlocks(live, STREAM_BLOCK_BYTES) : live) {
				rawLength += block.length;
				yield block;
			}
		};
		const append = async (compressed: AsyncIterable<Uint8Array>) => {
			for await (const chunk of compressed) {
				hash?.update(chunk);
				length += chunk.length;
				await this.#output.push(chunk);
			}
		};
		await (compressor ? pipeline(counted(), compressor, append) : append(counted()));
		const sha256 = hash?.digest('hex') ?? this.#output.sha256();
		return this.#output.addPart(details, { length, rawLength, sha256 });
	}

	/** Lets `drain` wait for the job and lets its failure end the write. */
	#track(job: Promise<unknown>): void {
		const settled = job
			.then(
				() => {},
				(error: unknown) => this.#fail(error),
			)
			.finally(() => {
				this.#jobs.delete(settled);
				this.#changed();
			});
		this.#jobs.add(settled);
	}

	/** Resolves at the next change of what is being compressed or appended. */
	#change(): Promise<void> {
		return new Promise((resolve) => this.#waiting.push(resolve));
	}

	#changed(): void {
		for (const wake of this.#waiting.splice(0)) wake();
	}

	#fail(error: unknown): void {
		if (this.#failure || this.#state === 'committed') return;
		this.#failure = { error };
		this.#output.destroy(error);
		this.#compressor.stop(error);
		this.#controller.abort(error);
		this.#changed();
		this.#cleanedUp ??= this.#cleanUp();
		// Whoever aborts hears of what cannot be removed.
		this.#cleanedUp.catch(() => {});
	}

	#throwIfFailed(): void {
		if (this.#failure) throw this.#failure.error;
	}

	#assertOpen(): void {
		this.#throwIfFailed();
		if (this.#state !== 'open') throw new Error(`The archive ${this.key} has been committed already.`);
	}

	/** A storage that stops reading without an error would leave everybody waiting. */
	#assertAllTaken(): void {
		if (this.#output.ended) return;
		this.#fail(
			new BackupError('STORAGE_FAILED', `${this.#settings.storage.description} stopped taking ${this.key} too early.`),
		);
	}

	#assertStored({ size }: StoredObject): void {
		this.#throwIfFailed();
		const { storedBytes } = this.#output;
		if (size === storedBytes) return;
		throw new BackupError(
			'STORAGE_FAILED',
			`${this.key} has ${size} bytes in ${this.#settings.storage.description}, but ${storedBytes} were written.`,
			{ hint: 'The storage lost or added data, or something else wrote there. Check it, then run the backup again.' },
		);
	}

	async #storeManifest(manifest: Manifest): Promise<void> {
		const { storage } = this.#settings;
		const key = manifestKeyOf(this.key);
		const text = formatManifest(manifest);
		// A manifest that could not be read again must never become one.
		assertReadable(text, this.key);
		parseManifest(text, key);
		this.#throwIfFailed();
		this.#manifestStored = storage.replace(key, Buffer.from(text), { signal: this.#controller.signal });
		await this.#manifestStored;
		if (this.#settings.claim?.mayBeLost) await this.#assertThere();
		this.#throwIfFailed();
	}

	/** A machine that was suspended for long may have been taken for dead, and its archive for debris. */
	async #assertThere(): Promise<void> {
		const { storage } = this.#settings;
		const found = await storage.stat(this.key);
		if (found) return this.#assertStored(found);
		throw new BackupError('STORAGE_FAILED', `${this.key} is no longer in ${storage.description}.`, {
			hint: 'This backup was suspended for so long that another run took it for dead. Run it again.',
		});
	}
}
