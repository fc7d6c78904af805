/**
 * How bytes move through the verification of a file that another program made: the file is read once, hashed and counted on its
 * way through decryption and decompression into the check of what it holds; what a check leaves is read to the end all the
 * same. A test restore reads it again, as often as the restore of its system does.
 */
import { createHash } from 'node:crypto';

import { type DecryptionKeys, type Wrapper } from '../../archive';
import { BackupError, cancelled, throwIfCancelled } from '../../errors';
import type { Storage } from '../../storage';
import { ContentSource } from '../contentSource';
import { findingOf, LEVELS, noPlace, VerificationRecord } from '../record';
import type { BackupSystem, CheckedFile, ForeignFile, ScratchTargets } from '../system';
import type { CheckContext, VerificationLevel, VerificationReport } from '../types';
import { type RecognisedFile, recogniseFile } from './formats';
import { readSidecar, type Sidecar } from './sidecar';

export interface VerifyFileOptions {
	storage: Storage;
	key: string;
	level: VerificationLevel;
	/**
	 * How deep, once it is known which system the file can be restored into (its name; undefined for none). By default, `level`.
	 */
	levelFor?: (system: string | undefined) => VerificationLevel;
	/** Where the level `restore` restores, by the name of the system. */
	scratch?: ScratchTargets;
	/** For files encrypted with OpenPGP. */
	keys?: DecryptionKeys;
	signal?: AbortSignal;
	log?: (line: string) => void;
	/** Bytes of the file read so far, and in all. */
	onProgress?: (bytes: number, total: number) => void;
}

/**
 * Verifies a file that is no archive of ours by its content: tar archives, JSON, and the dumps and snapshots that the systems
 * know, plain or in gzip, zstd or OpenPGP. Where `<file>.sha256` lies beside it, that is compared as well. Whatever is wrong with
 * the file, and whatever kept it from being checked, is a finding of the report.
 * @param systems what each system brings; engine/systems.ts has the list
 * @throws BackupError CANCELLED; INVALID_INPUT where there is no such level
 */
export async function verifyFile(
	systems: readonly BackupSystem[],
	options: VerifyFileOptions,
): Promise<VerificationReport> {
	if (!LEVELS.includes(options.level)) {
		throw new BackupError('INVALID_INPUT', `"${String(options.level)}" is not a level.`);
	}
	throwIfCancelled(options.signal);
	try {
		return await new FileVerification(systems, options).report();
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
	#checked: CheckedFile | undefined;

	constructor(
		private readonly systems: readonly BackupSystem[],
		private readonly options: VerifyFileOptions,
	) {
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
		return record.report({
			key: this.options.key,
			manifest: undefined,
			format: this.#format,
			system: this.#system?.name,
		});
	}

	/** What the file can be restored into for a test. */
	get #system(): BackupSystem | undefined {
		return this.#checked?.testRestore && this.#checked.system;
	}

	async #testRestore(): Promise<void> {
		const { scratch = {}, levelFor } = this.options;
		const record = this.#record;
		const system = this.#system;
		record.requested = levelFor?.(system?.name) ?? 'restore';
		if (record.requested !== 'restore') return;
		record.begin('restore');
		const begun = performance.now();
		const target = system && scratch[system.name];
		try {
			if (!system) {
				record.found({
					severity: 'inconclusive',
					message: 'There is no way to restore such a file for a test.',
					hint: 'Verify the content.',
				});
			} else if (target === undefined) record.found(noPlace(system));
			else record.current.counts = (await this.#checked?.testRestore?.(this.#file(), target, this.#context)) ?? {};
		} catch (error) {
			this.#found(error);
		}
		record.current.duration = Math.round(performance.now() - begun);
	}

	#file(): ForeignFile {
		const { storage, key, keys } = this.options;
		return {
			name: key.slice(key.lastIndexOf('/') + 1),
			rawBytes: this.#record.rawBytes,
			open: async (signal) => {
				const source = await storage.read(key, signal ? { signal } : {});
				return (await recogniseFile(this.systems, source as AsyncIterable<Uint8Array>, keys, signal)).stream;
			},
		};
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
		try {
			const file = await recogniseFile(this.systems, stored.bytes, keys, signal);
			this.#format = formatOf(file.format.form, file.wrappers);
			unpacked = new ContentSource(file.stream);
			if (level !== 'integrity') await this.#checkContent(file, unpacked);
			await unpacked.finish();
			failure = unpacked.failure?.error;
		} catch (error) {
			failure = error;
		}
		await stored.finish();
		integrity.duration = Math.round(unpacked?.waited ?? performance.now() - begun);
		record.rawBytes = unpacked?.rawBytes ?? 0;
		// Where the storage failed, what decryption or decompression made of it does not matter.
		failure = stored.failure?.error ?? failure;
		if (failure !== undefined && unpacked && level !== 'integrity') record.discard();
		if (failure !== undefined) this.#found(failure);
		if (!stored.failure) this.#compareSidecar(integrity);
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

	async #checkContent({ format, wrappers }: RecognisedFile, source: ContentSource): Promise<void> {
		const record = this.#record;
		record.begin('content');
		try {
			const checked = await format.check(source.bytes, this.#context);
			if (checked.form !== undefined) this.#format = formatOf(checked.form, wrappers);
			this.#checked = checked;
			record.current.counts = checked.counts;
		} catch (error) {
			if (!source.failure) this.#found(error);
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
function formatOf(form: string, wrappers: readonly Wrapper[]): string {
	return [...wrappers]
		.reverse()
		.reduce((text, wrapper) => text + (wrapper === 'openpgp' ? ', encrypted with OpenPGP' : ` in ${wrapper}`), form);
}
