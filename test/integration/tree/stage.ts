/** A storage in a folder of its own, and backups of sets that are in memory. */
import {
	openArchive,
	type ArchiveReader,
	type CodecName,
	type ListedBackup,
	type Manifest,
} from '../../../engine/archive';
import {
	backUpTree,
	chooseBase,
	NO_BASE,
	openNeeded,
	restoreTree,
	Selection,
	type ChosenBase,
} from '../../../engine/tree';
import type { Storage } from '../../../engine/storage';
import { MemorySource, MemoryTarget, type Contents } from './memory-set';

export interface StageOptions {
	codec?: CodecName;
	passphrase?: string;
	/** Where an archive is read; default that of its kind. */
	folder?: string;
	checkpointBytes?: number;
	mostNeeds?: number;
	signal?: AbortSignal;
	/** Default: now. */
	startedAt?: Date;
	wholeEvery?: number;
	leastUse?: number;
	isReliable?: (backup: ListedBackup) => boolean;
}

export const SOURCE = { system: 'memory', version: '1', server: 'memory' };

function keysOf({ passphrase }: StageOptions) {
	return passphrase === undefined ? undefined : { passphrase };
}

export async function baseIn(storage: Storage, options: StageOptions = {}): Promise<ChosenBase> {
	const { wholeEvery = 0, leastUse = 0 } = options;
	const isReliable = (backup: ListedBackup) => Promise.resolve(options.isReliable?.(backup) ?? true);
	const keys = keysOf(options);
	return await chooseBase({
		storage,
		kind: 'files',
		name: 'set',
		source: SOURCE,
		keys,
		encryption: keys,
		wholeEvery,
		leastUse,
		isReliable,
	});
}

/** Backs up, going on from what the storage holds unless a base is given. */
export async function backUp(
	storage: Storage,
	source: MemorySource | Contents,
	options: StageOptions & { base?: ChosenBase } = {},
): Promise<Manifest> {
	const {
		codec = 'zstd',
		checkpointBytes,
		mostNeeds,
		signal,
		startedAt = new Date(),
		base = await baseIn(storage, options),
	} = options;
	const keys = keysOf(options);
	return await backUpTree({
		storage,
		codec: { name: codec },
		archive: { kind: 'files', name: 'set', startedAt },
		source: source instanceof MemorySource ? source : new MemorySource(source),
		base,
		describe: () => ({ source: SOURCE }),
		...(keys && { encryption: keys, keys }),
		...(checkpointBytes !== undefined && { checkpointBytes }),
		...(mostNeeds !== undefined && { mostNeeds }),
		...(signal && { signal }),
	});
}

export async function open(storage: Storage, manifest: Manifest, options: StageOptions = {}): Promise<ArchiveReader> {
	return await openArchive(storage, { manifest, folder: options.folder ?? 'files' }, keysOf(options));
}

/** What comes back of a backup. */
export async function restored(
	storage: Storage,
	manifest: Manifest,
	options: StageOptions & { selection?: Selection } = {},
): Promise<Contents> {
	const reader = await open(storage, manifest, options);
	const archives = await openNeeded(reader, { storage, keys: keysOf(options) });
	const target = new MemoryTarget();
	await restoreTree({ reader, archives, target, ...(options.selection && { selection: options.selection }) });
	return target.contents;
}

export { NO_BASE };
