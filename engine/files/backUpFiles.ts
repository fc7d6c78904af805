/** Backs up a folder into archives of a series: whole, or what is new since the backup before. */
import type { ArchiveChoices, DecryptionKeys, Manifest } from '../archive';
import { backUpTree, chooseBase, NO_BASE, Selection, type ChosenBase, type TreeProgress } from '../tree';
import { verificationState } from '../verify/history';
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

export interface IncrementalChoices {
	/** After so many backups that go on from one another, a whole one is made; 0 for never. */
	wholeEvery: number;
	/** A whole one is made, too, when less than this share of the older archives is still in use: 0 to 1. */
	leastUse: number;
}

/**
 * Resolves with the manifest of the backup.
 * @throws BackupError INVALID_INPUT, ACCESS_DENIED and SOURCE_FAILED (the folder), CANCELLED, and what createArchive, chooseBase and
 * the storage throw
 */
export async function backUpFiles(options: BackUpFilesOptions): Promise<Manifest> {
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
	const base = await baseOf(options, facts);
	options.log?.(`Backs up ${root}: ${base.reason}`);
	return await backUpTree({
		...options,
		archive: { kind: 'files', name, startedAt: new Date() },
		source,
		base,
		describe: () => ({
			source: facts,
			options: { include, exclude, oneFileSystem, skipUnreadable },
			warnings: source.warnings,
		}),
	});
}

async function baseOf(
	{ storage, name, folder, keys, encryption, incremental, signal }: BackUpFilesOptions,
	source: Manifest['source'],
): Promise<ChosenBase> {
	if (!incremental) return NO_BASE;
	return await chooseBase({
		...incremental,
		storage,
		kind: 'files',
		name,
		folder,
		source,
		keys,
		encryption,
		isReliable: async ({ key, manifest, hasRecord }) =>
			!hasRecord || (await verificationState(storage, { key, id: manifest.id }, signal)) !== 'failed',
		signal,
	});
}
