/**
 * How bytes move through: the storage is read once. The reader hashes the stored bytes, decrypts, compares every frame and
 * decompresses; the check of the archive's kind takes what comes out and judges it. Only a test restore reads the archive
 * again. In memory at any time: what the reader holds (see engine/archive/reader.ts) and one chunk of the check.
 */
import { openArchive, type ArchiveReader, type DecryptionKeys, type Manifest, manifestKeyOf } from '../archive';
import { MANIFEST_SUFFIX } from '../archive';
import { BackupError, cancelled, throwIfCancelled } from '../errors';
import type { Storage } from '../storage';
import { checkContents } from './foreign/contents';
import { verifyNeeded } from './needed';
import { findingOf, LEVELS, VerificationRecord } from './record';
import { checkOf } from './registry';
import { ContentSource } from './source';
import type { CheckContext, KindCheck, ScratchTargets, VerificationLevel, VerificationReport } from './types';

/** Which backup: by the key of its archive or of its manifest, by a manifest that was read, or opened already. */
export type BackupToVerify =
	| { storage: Storage; key: string }
	| { storage: Storage; manifest: Manifest; folder: string | undefined }
	| { reader: ArchiveReader };

export type VerifyBackupOptions = BackupToVerify & {
	level: VerificationLevel;
	/** For encrypted archives; a reader that is given has its own. */
	keys?: DecryptionKeys;
	/** For the level `restore`. */
	scratch?: ScratchTargets;
	signal?: AbortSignal;
	log?: (line: string) => void;
	/** Of the reading for the levels `integrity` and `content`: bytes of the stored file so far, and in all. */
	onProgress?: (bytes: number, total: number) => void;
};

/**
 * Verifies one backup as deep as is asked. Whatever is wrong with it, and whatever kept it from being checked, is a finding
 * of the report.
 * @throws BackupError CANCELLED; INVALID_INPUT where the options are wrong: no such level, keys that are no keys
 */
export async function verifyBackup(options: VerifyBackupOptions): Promise<VerificationReport> {
	const { level, signal } = options;
	if (!LEVELS.includes(level)) throw new BackupError('INVALID_INPUT', `"${String(level)}" is not a level.`);
	throwIfCancelled(signal);
	const record = new VerificationRecord(level);
	const run = new BackupVerification(options, record);
	try {
		return await run.report();
	} catch (error) {
		if (signal?.aborted) throw cancelled();
		throw error;
	}
}

/** Of kinds whose system brings no check: what they hold in a stock form (tar, JSON, SQL) is known all the same. */
const STOCK_FORM: KindCheck = {
	kinds: [],
	content: async (raw, _manifest, context) => await checkContents(raw, context),
};

class BackupVerification {
	readonly #context: CheckContext;
	/** One that the keys do not open. */
	#unopened: ArchiveReader | undefined;

	constructor(
		private readonly options: VerifyBackupOptions,
		private readonly record: VerificationRecord,
	) {
		const { signal, log = () => {} } = options;
		this.#context = {
			log,
			found: (finding) => record.found(finding),
			restoreTook: (milliseconds) => void (record.current.restoreDuration = milliseconds),
			...(signal && { signal }),
		};
	}

	async report(): Promise<VerificationReport> {
		const { record, options } = this;
		record.begin('integrity');
		const reader = await this.#open();
		if (reader) await this.#verify(reader);
		const known = reader ?? this.#unopened;
		const key = known?.key ?? (options as { key: string }).key;
		return record.report({
			key: key.endsWith(MANIFEST_SUFFIX) ? key.slice(0, -MANIFEST_SUFFIX.length) : key,
			manifest: known?.manifest,
			format: undefined,
		});
	}

	async #verify(reader: ArchiveReader): Promise<void> {
		const { record, options } = this;
		const check = checkOf(reader.manifest.kind) ?? STOCK_FORM;
		if (!(await this.#opensWithKeys(reader))) return;
		await this.#verifyNeeded(reader.manifest);
		await this.#read(reader, options.level === 'integrity' ? undefined : check);
		if (options.level === 'restore' && record.passed) await this.#testRestore(reader, check);
	}

	async #verifyNeeded(manifest: Manifest): Promise<void> {
		const { options, record } = this;
		const liesInStorage = 'storage' in options && ('key' in options || options.folder !== undefined);
		try {
			await verifyNeeded(manifest, {
				storage: liesInStorage ? options.storage : undefined,
				keys: options.keys,
				signal: options.signal,
				found: (finding) => record.found(finding),
			});
		} catch (error) {
			this.#findError(error);
		}
	}

	/** Undefined where there is no archive to read; why, is found. */
	async #open(): Promise<ArchiveReader | undefined> {
		const { options } = this;
		if ('reader' in options) return options.reader;
		const { storage, keys } = options;
		const where = 'key' in options ? manifestKey(options.key) : options;
		try {
			return await openArchive(storage, where, keys);
		} catch (error) {
			const code = error instanceof BackupError ? error.code : undefined;
			if (typeof where === 'string' && code === 'STORAGE_MISSING') await this.#findMissing(storage, where);
			else if (code === 'KEY_WRONG') await this.#judgeUnopened(storage, where, error);
			else this.#findError(error);
			return undefined;
		}
	}

	/** By the passphrase of another backup nothing can be told of this one, but that it is as it was stored. */
	async #judgeUnopened(storage: Storage, where: Parameters<typeof openArchive>[1], failure: unknown): Promise<void> {
		try {
			this.#unopened = await openArchive(storage, where);
			await this.#judgeStored(this.#unopened, failure);
		} catch (error) {
			this.#findError(error);
		}
	}

	async #findMissing(storage: Storage, manifest: string): Promise<void> {
		const key = manifest.slice(0, -MANIFEST_SUFFIX.length);
		try {
			const isThere = (await storage.stat(key)) !== undefined;
			this.record.found({
				severity: 'error',
				message: isThere
					? `${key} has no manifest, so it is not a backup: its writing broke off, or the manifest was removed.`
					: `There is no backup ${key} in ${storage.description}.`,
				hint: isThere
					? 'Do not rely on it. It can be verified as a file that somebody else made.'
					: 'List the backups to see what the storage holds.',
				code: 'STORAGE_MISSING',
			});
		} catch (error) {
			this.#findError(error);
		}
	}

	/**
	 * Without the key that opens it, the stored bytes alone can be judged: that they are the ones that were written. A wrong
	 * key shows before the long read; so does damage at the beginning, which looks the same.
	 */
	async #opensWithKeys(reader: ArchiveReader): Promise<boolean> {
		const { signal } = this.options;
		let failure: unknown;
		try {
			await reader.checkKeys(signal);
			return true;
		} catch (error) {
			this.#rethrow(error);
			failure = error;
		}
		const isKey = failure instanceof BackupError && (failure.code === 'KEY_MISSING' || failure.code === 'KEY_WRONG');
		if (isKey) await this.#judgeStored(reader, failure);
		else this.#findError(failure);
		return false;
	}

	/** Compares the stored bytes of a backup that the keys do not open. */
	async #judgeStored(reader: ArchiveReader, failure: unknown): Promise<void> {
		const { signal } = this.options;
		const begun = performance.now();
		try {
			await reader.verifyStored(signal, (bytes, total) => this.#progress(bytes, total));
			this.record.current.counts.storedBytes = reader.manifest.size.stored;
			const finding = findingOf(failure);
			this.record.found({
				...finding,
				message: `${finding.message} The stored file was compared with its size and SHA-256, and is the one that was written.`,
			});
		} catch (error) {
			this.#findError(error);
		}
		this.record.current.duration = Math.round(performance.now() - begun);
	}

	/** The levels `integrity` and, with a check, `content`, in one read. */
	async #read(reader: ArchiveReader, check: KindCheck | undefined): Promise<void> {
		const { record, options } = this;
		const integrity = record.current;
		const progress = (bytes: number, total: number) => this.#progress(bytes, total);
		const source = new ContentSource(reader.raw(options.signal, progress) as AsyncIterable<Uint8Array>);
		const begun = performance.now();
		if (check) {
			record.begin('content');
			await this.#checkContent(source, reader.manifest, check);
		}
		await source.finish();
		record.rawBytes = source.rawBytes;
		const elapsed = performance.now() - begun;
		integrity.duration = Math.round(source.waited);
		integrity.counts = { parts: reader.manifest.parts.length };
		if (source.failure) {
			// What a check says of a part of the content is no use where the rest of it never came.
			if (check) record.discard();
			this.#findError(source.failure.error);
			return;
		}
		record.storedBytes = reader.manifest.size.stored;
		if (check) record.current.duration = Math.round(elapsed - source.waited);
	}

	async #checkContent(source: ContentSource, manifest: Manifest, check: KindCheck): Promise<void> {
		const { record } = this;
		try {
			record.current.counts = await check.content(source.bytes, manifest, this.#context);
		} catch (error) {
			if (source.failure) return;
			this.#rethrow(error);
			record.found(findingOf(error));
		}
	}

	async #testRestore(reader: ArchiveReader, check: KindCheck): Promise<void> {
		const { record, options } = this;
		record.begin('restore');
		const begun = performance.now();
		try {
			if (check.testRestore) {
				record.current.counts = await check.testRestore(reader, options.scratch ?? {}, this.#context);
			} else {
				record.found({
					severity: 'obstacle',
					message: `Archives of the kind ${reader.manifest.kind} cannot be restored for a test.`,
					hint: 'Verify their content.',
				});
			}
		} catch (error) {
			this.#rethrow(error);
			record.found(findingOf(error));
		}
		record.current.duration = Math.round(performance.now() - begun);
	}

	#progress(bytes: number, total: number): void {
		this.record.storedBytes = bytes;
		this.options.onProgress?.(bytes, total);
	}

	#findError(error: unknown): void {
		this.#rethrow(error);
		if (error instanceof BackupError && error.code === 'INVALID_INPUT') throw error;
		this.record.found(findingOf(error));
	}

	#rethrow(error: unknown): void {
		if (this.options.signal?.aborted) throw cancelled();
		if (error instanceof BackupError && error.code === 'CANCELLED') throw error;
	}
}

function manifestKey(key: string): string {
	return key.endsWith(MANIFEST_SUFFIX) ? key : manifestKeyOf(key);
}
