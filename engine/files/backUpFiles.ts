/** Backs up a folder into archives of a series: whole, or what is new since the backup before. */
import { asBackUp, type ArchiveChoices, type DecryptionKeys, type Manifest, type PartialBackup } from '../archive';
import { backUpTree, baseFor, Selection, type IncrementalChoices, type TreeProgress } from '../tree';
import { reliabilityIn } from '../verify/history';
import type { ForbiddenPaths } from '../tree/folder';
import { FilesSource } from './source';

export interface BackUpFilesOptions extends ArchiveChoices {
	/** Absolute: a folder, or a single file. It may be reached through symbolic links; those in it are stored as links. */
	root: string;
	/** What the set is called: it names the archive, and with the root, the series. */
	name: string;
	/** Globs; see Selection. */
	include?: readonly string[];
	exclude?: readonly string[];
	/** Folders that are never backed up, absolute: the one of the storage. */
	notIn?: readonly string[];
	oneFileSystem?: boolean;
	skipUnreadable?: boolean;
	forbidden?: ForbiddenPaths | undefined;
	/** Undefined for a whole backup each time. */
	incremental?: IncrementalChoices | undefined;
	/** What opens earlier backups of the series, and the checkpoints of this one. */
	keys?: DecryptionKeys | undefined;
	/** Bytes of content after which a checkpoint is committed; 16 GiB by default. */
	checkpointBytes?: number;
	onProgress?: (progress: TreeProgress) => void;
	log?: (line: string) => void;
}

/**
 * Resolves with the manifest of the backup.
 * @throws BackupError INVALID_INPUT, ACCESS_DENIED and SOURCE_FAILED (the folder), CANCELLED, and what createArchive, chooseBase and
 * the storage throw
 */
export async function backUpFiles(options: BackUpFilesOptions): Promise<Manifest> {
	const { name, root } = options;
	// The base is chosen when no other run can add to the series any more.
	return await asBackUp(options, { kind: 'files', name, origin: root, isWhole: false }, storeFiles);
}

async function storeFiles(options: BackUpFilesOptions): Promise<Manifest> {
	const { root, name, include = [], exclude = [], notIn, forbidden } = options;
	const { oneFileSystem = false, skipUnreadable = false } = options;
	const source = new FilesSource({
		root,
		selection: new Selection({ include, exclude }),
		oneFileSystem,
		skipUnreadable,
		forbidden,
		...(notIn && { notIn }),
	});
	const facts = { system: 'files', version: process.version, server: root };
	const { storage, folder, keys, encryption, incremental, signal } = options;
	const base = await baseFor({
		storage,
		kind: 'files',
		name,
		folder,
		source: facts,
		keys,
		encryption,
		incremental,
		isReliable: reliabilityIn(storage, signal),
		signal,
	});
	options.log?.(`Backs up ${root}: ${base.reason}`);
	return await backUpTree({
		...options,
		archive: { kind: 'files', name, startedAt: new Date() },
		source,
		base,
		describe: () => ({
			source: facts,
			...(include.length > 0 && { partial: partOf(include) }),
			options: { include, exclude, oneFileSystem, skipUnreadable },
			warnings: source.warnings,
		}),
	});
}

/**
 * A backup of what fits some patterns is none of the folder: it must not be taken for the newest one. What is excluded does not make a part
 * of it: with that, folders are kept free of what nobody wants back, such as caches.
 */
function partOf(include: readonly string[]): PartialBackup {
	return { content: 'all', selection: include.map((glob) => `--include=${glob}`) };
}
