/**
 * How bytes move through a read. The stored file is hashed and counted as it comes from the storage, decrypted where
 * needed, and cut at the frames' borders that the manifest tells; each frame is compared with its SHA-256 and then
 * decompressed. A frame of up to 64 MiB is read whole before anything of it is handed out; larger ones stream with their
 * last chunk held back. `raw` also holds back the last of its output until the hash of the whole file was right, so
 * nobody ever sees a complete copy of something damaged. In memory: one frame and its content, or one chunk of each.
 */
import { Readable } from 'node:stream';

import { BackupError, throwIfCancelled } from '../../errors';
import { giveBack } from '../../storage/lent';
import type { Storage } from '../../storage/storage';
import { unlockKeys, type DecryptionKeys } from '../encryption/encryption';
import type { Manifest, ManifestPart } from '../manifest/manifest';
import { layoutOf, type SealedLayout } from '../encryption/layout';
import type { UnlockedKeys } from '../encryption/session-keys';
import type { OpenedSeal } from '../encryption/unseal-range';
import { adjacentRuns } from './adjacent-runs';
import { FrameDecoder } from './frame-decoder';
import { type PartContext, readPart, takePart, type TakenPart } from './part-reader';
import { openSealed, rangePass, wholePass, type ReadPass, type WholePass } from './read-pass';
import { streamFrom } from './stream-from';
import { assertStoredSize, corrupt, StoredFile, type StoredFileOptions } from './stored-file';

export interface ReadPartResult {
	/** Index into the manifest's parts. */
	index: number;
	part: ManifestPart;
	/** Whole, or a stream where the part is large; a stream is to be read before the next part is asked for. */
	raw: Buffer | Readable;
}

interface RunOptions {
	decoder: FrameDecoder | undefined;
	signal: AbortSignal | undefined;
	/** Checks what is to be checked after the last part. */
	atEnd?: (() => Promise<void>) | undefined;
}

/** Reads one archive; made by openArchive. Holds nothing open between calls, and calls may run side by side. */
export class ArchiveReader {
	readonly manifest: Manifest;
	readonly key: string;
	readonly #storage: Storage;
	readonly #keys: DecryptionKeys | undefined;
	/** Undefined where the archive is not encrypted, or can only be decrypted from its beginning. */
	readonly #layout: SealedLayout | undefined;
	#unlocked: Promise<UnlockedKeys> | undefined;
	/** For reading by ranges; found once, since to derive it from a passphrase takes a while. */
	#seal: OpenedSeal | undefined;
	#knownGood = false;
	#storedIsRight = false;

	constructor(storage: Storage, key: string, manifest: Manifest, keys: DecryptionKeys | undefined) {
		this.#storage = storage;
		this.key = key;
		this.manifest = manifest;
		this.#keys = keys;
		this.#layout = layoutOf(manifest);
	}

	/**
	 * Whether `parts` reads what is wanted alone. It does not where the archive is encrypted and its manifest does not say in which
	 * pieces: then it reads from the beginning of the file to the last part wanted.
	 */
	get readsByRanges(): boolean {
		return !this.manifest.encryption || this.#layout !== undefined;
	}

	/**
	 * Whether the last read of the whole file, by `raw` or `verifyStored`, found the stored bytes to be those that were written.
	 * `raw` compares them also where it fails with KEY_WRONG after reading, because it has to tell a wrong key from damage.
	 */
	get storedIsRight(): boolean {
		return this.#storedIsRight;
	}

	/**
	 * Reads the stored file and compares its size and SHA-256; needs no key.
	 * @param onProgress Called with the bytes read so far and in all.
	 * @throws BackupError ARCHIVE_CORRUPT, STORAGE_MISSING, CANCELLED, and what the storage throws.
	 */
	async verifyStored(signal?: AbortSignal, onProgress?: (bytes: number, total: number) => void): Promise<void> {
		throwIfCancelled(signal);
		const options = this.#fileOptions(signal);
		await assertStoredSize(options);
		const file = new StoredFile(options);
		try {
			for await (const chunk of file.bytes) {
				giveBack(chunk);
				onProgress?.(file.size, this.manifest.size.stored);
			}
			await file.verify();
			this.#knownGood = true;
		} finally {
			this.#storedIsRight = file.isRight;
			await file.close();
		}
	}

	/** Whether the storage has it, with the size that was stored. @throws BackupError STORAGE_MISSING, ARCHIVE_CORRUPT, and what the storage throws */
	async assertStoredSize(signal?: AbortSignal): Promise<void> {
		await assertStoredSize(this.#fileOptions(signal));
	}

	/**
	 * Tries the keys on the beginning of the archive, so that a wrong one shows before a long read. Nothing to do where
	 * the archive is not encrypted.
	 * @throws BackupError KEY_MISSING, KEY_WRONG (or the beginning is damaged: verifyStored tells), INVALID_INPUT,
	 * STORAGE_MISSING, ARCHIVE_CORRUPT (another size than was stored).
	 */
	async checkKeys(signal?: AbortSignal): Promise<void> {
		if (!this.manifest.encryption) return;
		const keys = await this.#unlock();
		await assertStoredSize(this.#fileOptions(signal));
		if (keys && this.#layout) {
			await this.#openSeal(this.#layout, keys, signal, true);
			return;
		}
		const pass = wholePass(this.#passOptions(signal), keys, true);
		try {
			await pass.cursor.atEnd();
		} catch (error) {
			throw await pass.explain(error);
		} finally {
			await pass.close();
		}
	}

	/**
	 * As checkKeys, but a damaged beginning is not taken for a wrong key: where the keys do not open the archive, the stored
	 * file is read once to tell which of the two it is.
	 * @throws BackupError as checkKeys and verifyStored do
	 */
	async assertOpens(signal?: AbortSignal): Promise<void> {
		try {
			await this.checkKeys(signal);
		} catch (error) {
			if (error instanceof BackupError && error.code === 'KEY_WRONG') await this.verifyStored(signal);
			throw error;
		}
	}

	/**
	 * The raw bytes of the whole archive. Its errors: ARCHIVE_CORRUPT, STORAGE_MISSING, KEY_MISSING, KEY_WRONG,
	 * INVALID_INPUT (keys), CANCELLED, and what the storage throws.
	 * @param onProgress Called with the bytes of the stored file read so far and in all.
	 */
	raw(signal?: AbortSignal, onProgress?: (bytes: number, total: number) => void): Readable {
		const controller = new AbortController();
		const signals = signal ? [signal, controller.signal] : [controller.signal];
		return streamFrom(this.#raw(AbortSignal.any(signals), onProgress), () => controller.abort());
	}

	async *#raw(signal: AbortSignal, onProgress?: (bytes: number, total: number) => void): AsyncGenerator<Uint8Array> {
		throwIfCancelled(signal);
		this.#storedIsRight = false;
		const keys = await this.#unlock();
		await assertStoredSize(this.#fileOptions(signal));
		const pass = wholePass(this.#passOptions(signal), keys, this.#knownGood);
		let last: Uint8Array | undefined;
		try {
			for (const part of this.manifest.parts) {
				const content = await readPart(pass.cursor, part, this.#context(pass));
				for await (const chunk of content instanceof Uint8Array ? [content] : content) {
					throwIfCancelled(signal);
					if (last) yield last;
					last = chunk;
					onProgress?.(pass.file.size, this.manifest.size.stored);
				}
			}
			await this.#assertEnd(pass);
			if (last) yield last;
		} catch (error) {
			throw await pass.explain(error);
		} finally {
			this.#storedIsRight = pass.file.isRight;
			await pass.close();
		}
	}

	/**
	 * The chosen parts in the order of the file, each decompressed and checked. They are read by ranges, so only what is wanted is
	 * fetched, of an encrypted archive also its beginning, once. All parts of an encrypted archive are read in one pass, and so are
	 * those of one that cannot be read by ranges, up to the last part wanted: where that is the last of the file, the hash of the
	 * file is compared as well. Errors as of `raw`.
	 * @param options.lends Buffers are lent (storage/lent.ts): the reader gives each back that it is done with, and the content
	 * of another part takes its place.
	 */
	async *parts(
		filter: (part: ManifestPart, index: number) => boolean,
		signal?: AbortSignal,
		{ lends = false }: { lends?: boolean } = {},
	): AsyncGenerator<ReadPartResult, void, undefined> {
		const codec = this.manifest.codec.name;
		const decoder = lends && codec !== 'none' ? new FrameDecoder(codec) : undefined;
		try {
			yield* this.#partsBy(decoder, filter, signal);
		} finally {
			decoder?.close();
		}
	}

	async *#partsBy(
		decoder: FrameDecoder | undefined,
		filter: (part: ManifestPart, index: number) => boolean,
		signal: AbortSignal | undefined,
	): AsyncGenerator<ReadPartResult, void, undefined> {
		throwIfCancelled(signal);
		const { parts } = this.manifest;
		const wanted = parts.map((part, index) => ({ part, index })).filter((e) => filter(e.part, e.index));
		const keys = await this.#unlock();
		await assertStoredSize(this.#fileOptions(signal));
		if (wanted.length === 0) return;
		const options = this.#passOptions(signal);
		if (keys && (!this.#layout || wanted.length === parts.length)) {
			const pass = wholePass(options, keys, this.#knownGood);
			const isLast = wanted.at(-1)?.index === parts.length - 1;
			yield* this.#readRun(wanted, pass, { decoder, signal, atEnd: isLast ? () => this.#assertEnd(pass) : undefined });
			return;
		}
		const seal = keys && this.#layout && (await this.#openSeal(this.#layout, keys, signal, this.#knownGood));
		for (const run of adjacentRuns(wanted)) {
			const first = run[0]!.part;
			const final = run.at(-1)!.part;
			const pass = rangePass(options, first.offset, final.offset + final.length, seal);
			yield* this.#readRun(run, pass, { decoder, signal });
		}
	}

	/** The same key opens all ranges, so the beginning of the file is read once. @throws as openSealed */
	async #openSeal(
		layout: SealedLayout,
		keys: UnlockedKeys,
		signal: AbortSignal | undefined,
		knownGood: boolean,
	): Promise<OpenedSeal> {
		this.#seal ??= await openSealed(this.#passOptions(signal), layout, keys, knownGood);
		return this.#seal;
	}

	/** The file ends here, and all of it was what was stored. @throws BackupError ARCHIVE_CORRUPT */
	async #assertEnd(pass: WholePass): Promise<void> {
		if (!(await pass.cursor.atEnd())) throw corrupt(this.key, 'there are bytes after its end');
		await pass.file.verify();
	}

	async *#readRun(
		run: { part: ManifestPart; index: number }[],
		pass: ReadPass,
		{ decoder, signal, atEnd }: RunOptions,
	): AsyncGenerator<ReadPartResult, void, undefined> {
		const context = { ...this.#context(pass), decoder };
		const take = (at: number) => {
			const entry = run[at];
			const taken = entry && takePart(pass.cursor, entry.part, context);
			// Whoever waits for it meets its error.
			taken?.catch(() => {});
			return taken;
		};
		let coming: Promise<TakenPart> | undefined;
		try {
			for (const [at, { part, index }] of run.entries()) {
				throwIfCancelled(signal);
				const read = async () => {
					const { isWhole, raw } = await (coming ?? takePart(pass.cursor, part, context));
					// It is read while this one is decompressed, and while that is used.
					coming = isWhole && decoder ? take(at + 1) : undefined;
					return await raw;
				};
				const content = await read().catch(async (error: unknown) => {
					await coming?.catch(() => {});
					throw await pass.explain(error);
				});
				if (content instanceof Uint8Array) yield { index, part, raw: asBuffer(content) };
				else yield* handOut({ index, part }, content, pass);
			}
			await atEnd?.().catch(async (error: unknown) => {
				throw await pass.explain(error);
			});
		} finally {
			await pass.close();
			// Nobody wants it any more.
			const left = (await coming?.catch(() => {}))?.raw;
			if (left instanceof Promise) await left.then(giveBack, () => {});
		}
	}

	#context(pass: ReadPass): PartContext {
		return { key: this.key, codec: this.manifest.codec.name, frameWasRight: () => pass.frameWasRight() };
	}

	#fileOptions(signal: AbortSignal | undefined): StoredFileOptions {
		return { storage: this.#storage, key: this.key, manifest: this.manifest, ...(signal ? { signal } : {}) };
	}

	#passOptions(signal: AbortSignal | undefined) {
		return { storage: this.#storage, key: this.key, manifest: this.manifest, signal };
	}

	async #unlock(): Promise<UnlockedKeys | undefined> {
		const { encryption } = this.manifest;
		if (!encryption) return undefined;
		this.#unlocked ??= unlockKeys(encryption, this.#keys);
		return await this.#unlocked;
	}
}

/** A large part as a stream; what its reader leaves is dropped before the next part. */
async function* handOut(
	entry: { index: number; part: ManifestPart },
	content: AsyncGenerator<Uint8Array>,
	pass: ReadPass,
): AsyncGenerator<ReadPartResult, void, undefined> {
	let failure: { error: unknown } | undefined;
	const explained = async function* () {
		try {
			yield* content;
		} catch (error) {
			failure = { error: await pass.explain(error) };
			throw failure.error;
		}
	};
	const raw = streamFrom(explained(), () => {});
	// Leaving it early counts as an error of its own for a stream, and nobody need be listening.
	raw.on('error', () => {});
	try {
		yield { ...entry, raw };
	} finally {
		if (!raw.closed) {
			raw.destroy();
			await new Promise((resolve) => raw.once('close', resolve));
		}
	}
	// A reader that swallowed the failure of one part must not take the others for good.
	if (failure) throw failure.error;
}

function asBuffer(bytes: Uint8Array): Buffer {
	return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
