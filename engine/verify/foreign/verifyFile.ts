/**
 * How bytes move through: the file is read once, hashed and counted on its way through decryption and decompression into
 * the check of what it holds; what a check leaves is read to the end all the same. A snapshot of Qdrant is read a second time,
 * for a tar tells only at its end that it is one; and what is restored for a test, as often as its restore reads it.
 */
import { createHash } from 'node:crypto';

import type { DecryptionKeys } from '../../archive';
import { BackupError, cancelled, throwIfCancelled } from '../../errors';
import { checkSnapshot } from '../../qdrant/snapshot';
import type { Storage } from '../../storage';
import { findingOf, LEVELS, VerificationRecord } from '../record';
import { ContentSource } from '../source';
import type { CheckContext, ScratchTargets, VerificationLevel, VerificationReport } from '../types';
import { checkUnwrapped, FORMS } from './contents';
import { readSidecar, type Sidecar } from './sidecar';
import { type ForeignSystem, testRestoreFile } from './testRestore';
import { unwrap, type Unwrapped } from './unwrap';

export interface VerifyFileOptions {
	storage: Storage;
	key: string;
	level: VerificationLevel;
	/** How deep, once it is known what the file can be restored into; without it, by `level`. */
	levelFor?: (system: ForeignSystem) => VerificationLevel;
	/** For the level `restore`. */
	scratch?: ScratchTargets;
	/** For files encrypted with OpenPGP. */
	keys?: DecryptionKeys;
	signal?: AbortSignal;
	log?: (line: string) => void;
	/** Bytes of the file read so far, and in all. */
	onProgress?: (bytes: number, total: number) => void;
}

/**
 * Verifies a file that is no archive of ours, by what its content tells: SQL dumps, dumps in custom format, tar archives,
 * snapshots of Qdrant, JSON, as they are or packed with gzip, zstd or OpenPGP; and by `<file>.sha256` where that stands beside
 * it. Whatever is wrong with it, and whatever kept it from being checked, is a finding of the report.
 * @throws BackupError CANCELLED; INVALID_INPUT where there is no such level
 */
export async function verifyFile(options: VerifyFileOptions): Promise<VerificationReport> {
	if (!LEVELS.includes(options.level)) {
		throw new BackupError('INVALID_INPUT', `"${String(options.level)}" is not a level.`);
	}
	throwIfCancelled(options.signal);
	try {
		return await new FileVerification(options).report();
	} catch (error) {
		if (options.signal?.aborted) throw cancelled();
		throw error;
	}
}

class FileVerification {
	readonly #record: VerificationRecord;
	readonly #context: CheckContext;
	readonly #hash = createHash('sha256');
	#total = 0;
	#sidecar: Sidecar | undefined;
	#format: string | undefined;
	#system: ForeignSystem;
	#unpackedBytes = 0;
	#version: number | undefined;

	constructor(private readonly options: VerifyFileOptions) {
		const { level, signal, log = () => {} } = options;
		const record = new VerificationRecord(level);
		this.#record = record;
		this.#context = {
			log,
			found: (finding) => record.found(finding),
			restoreTook: (milliseconds) => void (record.current.restoreDuration = milliseconds),
			...(signal && { signal }),
		};
	}

	async report(): Promise<VerificationReport> {
		const record = this.#record;
		record.begin('integrity');
		if (await this.#isThere()) await this.#read();
		if (this.options.level === 'restore' && record.passed) await this.#testRestore();
		return record.report({ key: this.options.key, manifest: undefined, format: this.#format });
	}

	async #testRestore(): Promise<void> {
		const { storage, key, keys, scratch = {}, levelFor } = this.options;
		const record = this.#record;
		record.requested = levelFor?.(this.#system) ?? 'restore';
		if (record.requested !== 'restore') return;
		record.begin('restore');
		const begun = performance.now();
		const rawBytes = Math.max(record.rawBytes, this.#unpackedBytes);
		try {
			const file = { storage, key, rawBytes, version: this.#version, ...(keys && { keys }) };
			record.current.counts = await testRestoreFile(this.#system, file, scratch, this.#context);
		} catch (error) {
			this.#found(error);
		}
		record.current.duration = Math.round(performance.now() - begun);
	}

	async #isThere(): Promise<boolean> {
		const { storage, key, signal } = this.options;
		try {
			const found = await storage.stat(key);
			if (!found) throw new BackupError('STORAGE_MISSING', `There is no file ${key} in ${storage.description}.`);
			this.#total = found.size;
			this.#sidecar = await readSidecar(storage, key, signal);
			return true;
		} catch (error) {
			this.#found(error);
			return false;
		}
	}

	/** The levels `integrity` and, where it is asked for, `content`. */
	async #read(): Promise<void> {
		const { level, keys, signal } = this.options;
		const record = this.#record;
		const integrity = record.current;
		const stored = new ContentSource(this.#stored());
		const begun = performance.now();
		let unpacked: ContentSource | undefined;
		let failure: unknown;
		let isSnapshot = false;
		try {
			const found = await unwrap(stored.bytes, keys, signal);
			this.#format = formatOf(FORMS[found.kind], found.wrappers);
			unpacked = new ContentSource(found.stream);
			if (level !== 'integrity') isSnapshot = await this.#checkContent(found, unpacked);
			await unpacked.finish();
			failure = unpacked.failure?.error;
		} catch (error) {
			failure = error;
		}
		await stored.finish();
		integrity.duration = Math.round(unpacked?.waited ?? performance.now() - begun);
		record.rawBytes = unpacked?.rawBytes ?? 0;
		// What a wrapper makes of a storage's failure is no matter.
		failure = stored.failure?.error ?? failure;
		if (failure !== undefined && unpacked && level !== 'integrity') record.discard();
		if (failure !== undefined) this.#found(failure);
		if (!stored.failure) this.#compareSidecar(integrity);
		if (failure === undefined && isSnapshot) await this.#checkSnapshot();
		if (record.current !== integrity) {
			record.current.duration = Math.round(performance.now() - begun) - integrity.duration;
		}
	}

	async *#stored(): AsyncGenerator<Uint8Array> {
		const { storage, key, signal, onProgress } = this.options;
		const record = this.#record;
		for await (const chunk of await storage.read(key, signal ? { signal } : {})) {
			this.#hash.update(chunk as Uint8Array);
			record.storedBytes += (chunk as Uint8Array).length;
			onProgress?.(record.storedBytes, this.#total);
			yield chunk as Uint8Array;
		}
	}

	/** @returns whether it has to be looked at as a snapshot, too */
	async #checkContent({ kind, wrappers }: Unwrapped, source: ContentSource): Promise<boolean> {
		const record = this.#record;
		record.begin('content');
		try {
			const checked = await checkUnwrapped({ kind, stream: source.bytes }, this.#context);
			const { form, counts, isSnapshot, unpackedBytes = 0 } = checked;
			this.#format = formatOf(form, wrappers);
			this.#unpackedBytes = unpackedBytes;
			this.#version = checked.version;
			this.#system = kind === 'plain' || kind === 'custom' ? 'postgres' : undefined;
			record.current.counts = counts;
			return isSnapshot;
		} catch (error) {
			if (!source.failure) this.#found(error);
			return false;
		}
	}

	async #checkSnapshot(): Promise<void> {
		const { storage, key, keys, signal } = this.options;
		try {
			const source = await storage.read(key, signal ? { signal } : {});
			const { stream } = await unwrap(source as AsyncIterable<Uint8Array>, keys, signal);
			const { type, findings } = await checkSnapshot(stream, signal ? { signal } : {});
			if (type === 'collection') this.#system = 'qdrant';
			for (const { severity, where, what } of findings) {
				this.#record.found({ severity, message: what, ...(where !== '' && { part: where }) });
			}
		} catch (error) {
			this.#found(error);
		}
	}

	#compareSidecar(integrity: { counts: Record<string, number> }): void {
		const sidecar = this.#sidecar;
		if (!sidecar) return;
		const found = this.#hash.digest('hex');
		if (sidecar.sha256 === found) {
			integrity.counts.sidecars = 1;
			return;
		}
		const name = sidecar.key.slice(sidecar.key.lastIndexOf('/') + 1);
		this.#record.found(
			sidecar.sha256 === undefined
				? { severity: 'warning', message: `${name} does not tell the SHA-256 of the file.` }
				: {
						severity: 'error',
						message: `The SHA-256 of the file is not the one that ${name} tells.`,
						hint: 'Do not rely on it: file or hash was changed after they were made.',
						code: 'ARCHIVE_CORRUPT',
					},
			'integrity',
		);
	}

	#found(error: unknown): void {
		if (this.options.signal?.aborted) throw cancelled();
		if (error instanceof BackupError && error.code === 'CANCELLED') throw error;
		this.#record.found(findingOf(error));
	}
}

/** `plain SQL dump in gzip, encrypted with OpenPGP` */
function formatOf(form: string, wrappers: Unwrapped['wrappers']): string {
	return [...wrappers]
		.reverse()
		.reduce((text, wrapper) => text + (wrapper === 'openpgp' ? ', encrypted with OpenPGP' : ` in ${wrapper}`), form);
}
