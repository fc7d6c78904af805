/**
 * How bytes move through a verification. The levels `integrity` and `content` read the archive from the storage once: the
 * reader (engine/archive/read/reader.ts) hashes the stored bytes, decrypts them, compares every frame with its hash and
 * decompresses it; the check of the archive's kind takes what comes out and judges it. ContentSource stands between the two. It
 * keeps apart what the reader failed with (the bytes are bad, a key is wrong, the storage is away) and what the check failed
 * with, and it reads to the end what a check leaves, because the reader compares the hash of the whole file only there.
 * A wrong key shows in the same read: the reader then reads on to the end, to tell it from damage.
 *
 * The level `restore` reads the archive a second time, and only once: the check has kept what a restore must know before it
 * begins (definitions, settings, checksums). In memory at any time: what the reader holds and one chunk of the check.
 */
import {
	type ArchiveReader,
	type DecryptionKeys,
	type Manifest,
	MANIFEST_SUFFIX,
	manifestKeyOf,
	openArchive,
} from '../archive';
import { BackupError, cancelled, throwIfCancelled } from '../errors';
import type { Storage } from '../storage';
import { ContentSource } from './contentSource';
import { checkContents } from './foreign/formats';
import { verifyNeeded } from './needed';
import { findingOf, LEVELS, noPlace, VerificationRecord } from './record';
import { type BackupSystem, type Checked, findKind, type ScratchTargets } from './system';
import type { CheckContext, VerificationLevel, VerificationReport } from './types';

/** Which backup: by the key of its archive or of its manifest, by a manifest that was read, or opened already. */
export type BackupToVerify =
	| { storage: Storage; key: string }
	| { storage: Storage; manifest: Manifest; folder: string | undefined }
	| { reader: ArchiveReader };

export type VerifyBackupOptions = BackupToVerify & {
	level: VerificationLevel;
	/** For encrypted archives; a reader that is given has its own. */
	keys?: DecryptionKeys;
	/** Where the level `restore` restores, by the name of the system. */
	scratch?: ScratchTargets;
	signal?: AbortSignal;
	log?: (line: string) => void;
	/** Called while the levels `integrity` and `content` read: bytes of the stored file so far, and in all. */
	onProgress?: (bytes: number, total: number) => void;
};

/**
 * Verifies one backup as deep as is asked. Whatever is wrong with it, and whatever kept it from being checked, is a finding
 * of the report.
 * @param systems what each system brings; engine/systems.ts has the list
 * @throws BackupError CANCELLED; INVALID_INPUT where the options are wrong: no such level, keys that are no keys
 */
export async function verifyBackup(
	systems: readonly BackupSystem[],
	options: VerifyBackupOptions,
): Promise<VerificationReport> {
	const { level, signal } = options;
	if (!LEVELS.includes(level)) throw new BackupError('INVALID_INPUT', `"${String(level)}" is not a level.`);
	throwIfCancelled(signal);
	const record = new VerificationRecord(level);
	const run = new BackupVerification(systems, options, record);
	try {
		return await run.report();
	} catch (error) {
		if (signal?.aborted) throw cancelled();
		throw error;
	}
}

/** What the check of the content has found out; undefined as long as there is none. */
type CheckedBackup = Checked<ArchiveReader, unknown> | undefined;

class BackupVerification {
	readonly #context: CheckContext;
	/** An archive that the keys do not open. */
	#unopened: ArchiveReader | undefined;

	constructor(
		private readonly systems: readonly BackupSystem[],
		private readonly options: VerifyBackupOptions,
		private readonly record: VerificationRecord,
	) {
		const { signal, log = () => {} } = options;
		this.#context = {
			log,
			found: (finding) => record.found(finding),
			restoreTook: (milliseconds) => void (record.current.restoreDuration = milliseconds),
			...('storage' in options && { needed: { storage: options.storage, keys: options.keys } }),
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
			system: undefined,
		});
	}

	async #verify(reader: ArchiveReader): Promise<void> {
		const { record, options } = this;
		const checked = await this.#read(reader);
		if (options.level === 'restore' && record.passed) await this.#testRestore(reader, checked);
	}

	async #verifyNeeded(manifest: Manifest): Promise<void> {
		const { options, record } = this;
		const liesInStorage = 'storage' in options && ('key' in options || options.folder !== undefined);
		try {
			await verifyNeeded(manifest, {
				storage: liesInStorage ? options.storage : undefined,
				keys: options.keys,
				signal: options.signal,
				found: (finding) => record.found(finding, 'integrity'),
			});
		} catch (error) {
			this.#findError(error, 'integrity');
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

	/** With the passphrase of another backup, all that can be found out about this one is that it is as it was stored. */
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
	 * Reports that the keys do not open the backup. The stored bytes alone can be judged without them: whether they are the
	 * ones that were written. A read that has ended over the keys has compared them already; otherwise it is done here.
	 */
	async #judgeStored(reader: ArchiveReader, failure: unknown): Promise<void> {
		const { signal } = this.options;
		const begun = performance.now();
		try {
			if (!reader.storedIsRight) await reader.verifyStored(signal, (bytes, total) => this.#progress(bytes, total));
			this.record.storedBytes = reader.manifest.size.stored;
			this.record.current.counts.storedBytes = reader.manifest.size.stored;
			const finding = findingOf(failure);
			this.record.found({
				...finding,
				message: `${finding.message} The stored file was compared with its size and SHA-256, and is the one that was written.`,
			});
		} catch (error) {
			this.#findError(error);
		}
		this.record.current.duration += Math.round(performance.now() - begun);
	}

	/** The levels `integrity` and, where it is asked for, `content`, in one read. */
	async #read(reader: ArchiveReader): Promise<CheckedBackup> {
		const { record, options } = this;
		const integrity = record.current;
		const withContent = options.level !== 'integrity';
		const progress = (bytes: number, total: number) => this.#progress(bytes, total);
		const source = new ContentSource(reader.raw(options.signal, progress) as AsyncIterable<Uint8Array>);
		const begun = performance.now();
		let checked: CheckedBackup;
		if (withContent) {
			record.begin('content');
			checked = await this.#checkContent(source, reader.manifest);
		}
		await source.finish();
		record.rawBytes = source.rawBytes;
		const elapsed = performance.now() - begun;
		integrity.duration = Math.round(source.waited);
		if (source.failure) {
			// What a check says of a part of the content is of no use where the rest of it never came.
			if (withContent) record.discard();
			const { error } = source.failure;
			if (isAboutKeys(error)) await this.#judgeStored(reader, error);
			else {
				integrity.counts = { parts: reader.manifest.parts.length };
				this.#findError(error);
			}
			return undefined;
		}
		integrity.counts = { parts: reader.manifest.parts.length };
		record.storedBytes = reader.manifest.size.stored;
		await this.#verifyNeeded(reader.manifest);
		if (withContent) record.current.duration = Math.round(elapsed - source.waited);
		return checked;
	}

	async #checkContent(source: ContentSource, manifest: Manifest): Promise<CheckedBackup> {
		const { record, systems } = this;
		const found = findKind(systems, manifest.kind);
		try {
			const checked = found
				? await found.ofKind.check(source.bytes, manifest, this.#context)
				: // A kind that no system brings: what it holds in a stock form (tar, JSON, SQL) can be checked all the same.
					{ counts: await checkContents(systems, source.bytes, this.#context) };
			record.current.counts = checked.counts;
			return checked;
		} catch (error) {
			if (source.failure) return undefined;
			this.#rethrow(error);
			record.found(findingOf(error));
			return undefined;
		}
	}

	async #testRestore(reader: ArchiveReader, checked: CheckedBackup): Promise<void> {
		const { record, options, systems } = this;
		const { kind } = reader.manifest;
		const system = findKind(systems, kind)?.system;
		record.begin('restore');
		const begun = performance.now();
		try {
			if (!checked?.testRestore || !system) {
				record.found({
					severity: 'inconclusive',
					message: `Archives of the kind ${kind} cannot be restored for a test.`,
					hint: 'Verify their content.',
				});
			} else {
				const scratch = options.scratch?.[system.name];
				if (scratch === undefined) record.found(noPlace(system));
				else record.current.counts = await checked.testRestore(reader, scratch, this.#context);
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

	/** Adds the finding for an error to a level, by default to the current one. */
	#findError(error: unknown, level?: VerificationLevel): void {
		this.#rethrow(error);
		if (error instanceof BackupError && error.code === 'INVALID_INPUT') throw error;
		this.record.found(findingOf(error), level);
	}

	#rethrow(error: unknown): void {
		if (this.options.signal?.aborted) throw cancelled();
		if (error instanceof BackupError && error.code === 'CANCELLED') throw error;
	}
}

function isAboutKeys(error: unknown): boolean {
	return error instanceof BackupError && (error.code === 'KEY_MISSING' || error.code === 'KEY_WRONG');
}

function manifestKey(key: string): string {
	return key.endsWith(MANIFEST_SUFFIX) ? key : manifestKeyOf(key);
}
