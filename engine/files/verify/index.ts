/** What files bring so that their backups can be verified: see engine/verify/system.ts. */
import type { ArchiveReader } from '../../archive';
import { BackupError, messageOf } from '../../errors';
import { checkTree, openNeeded, readIndex, restoreTree } from '../../tree';
import type { BackupSystem, Counts, ForeignFile, TarFormat } from '../../verify/system';
import type { CheckContext } from '../../verify/types';
import { assertRestorable, FilesTarget, hashOf, pathOf } from '../../tree/folder';
import { testTar } from '../foreign';
import { withScratchFolder } from '../../verify/scratchFolder';

/** Where a backup of files is restored for a test: below this folder, in one that is removed afterwards. */
export interface FilesScratch {
	/** Absolute. */
	folder: string;
}

const FOUND_AT_MOST = 100;

/** Any tar can be unpacked: whoever knows it better comes before (engine/systems.ts). */
const anyTar: TarFormat<FilesScratch> = {
	form: 'tar archive',
	inspect: () => ({
		member: () => {},
		finish: () => Promise.resolve({ counts: {}, testRestore: testRestoreOfTar }),
	}),
};

export const filesSystem: BackupSystem<FilesScratch> = {
	name: 'files',
	title: 'Files',
	kinds: [
		{
			kind: 'files',
			holdsData: true,
			canBeRestored: true,
			check: async (raw, manifest, context) => {
				let count = 0;
				const counts = await checkTree(
					raw,
					manifest,
					(message) => {
						if (++count <= FOUND_AT_MOST) context.found({ severity: 'error', message });
					},
					assertRestorable,
				);
				return { counts: { ...counts }, testRestore };
			},
		},
	],
	tars: [anyTar],
	measures: { files: 'number of files', bytes: 'size of the files' },
};

/** Restores into a new folder, and compares the content of every file that stands there with the hash in the index. */
async function testRestore(reader: ArchiveReader, { folder }: FilesScratch, context: CheckContext): Promise<Counts> {
	const { signal, needed } = context;
	if (!needed) throw new BackupError('INVALID_INPUT', 'The backup came without the storage that it lies in.');
	const archives = await openNeeded(reader, { ...needed, signal });
	const restored = async (root: string) => {
		const begun = performance.now();
		const target = new FilesTarget({ root, existing: 'fail', modes: false });
		await restoreTree({ reader, archives, target, ...(signal && { signal }) });
		context.restoreTook?.(Math.round(performance.now() - begun));
		return await compare(reader, root, context);
	};
	return await withScratchFolder(folder, restored, (message) => context.found({ severity: 'warning', message }));
}

async function compare(reader: ArchiveReader, root: string, { signal, found }: CheckContext): Promise<Counts> {
	const counts = { files: 0, bytes: 0 };
	for await (const { name, type, size, sha256 } of readIndex(reader, signal)) {
		if (type !== 'file') continue;
		counts.files++;
		counts.bytes += size;
		if ((await hashOf(pathOf(Buffer.from(root), name))) !== sha256) {
			found({ severity: 'error', part: name, message: `${name} does not come back with the content that was stored.` });
		}
	}
	return counts;
}

/** What a restore refuses says nothing of the tar, which was read to its end before: absolute paths are fine for tar. */
async function testRestoreOfTar(
	{ name, open }: ForeignFile,
	{ folder }: FilesScratch,
	{ found, restoreTook, signal = new AbortController().signal }: CheckContext,
): Promise<Counts> {
	const warn = (message: string) => found({ severity: 'warning', message });
	let count = 0;
	const differs = (part: string, message: string) => {
		if (++count <= FOUND_AT_MOST) found({ severity: 'error', part, message });
	};
	const restored = async (root: string) => {
		const begun = performance.now();
		const onRestored = () => restoreTook?.(Math.round(performance.now() - begun));
		return await testTar({ tar: { name, open }, root, differs, onRestored, signal });
	};
	try {
		const { files, bytes, warnings } = await withScratchFolder(folder, restored, warn);
		warnings.forEach(warn);
		return { files, bytes };
	} catch (error) {
		if (!(error instanceof BackupError) || error.code !== 'ARCHIVE_CORRUPT') throw error;
		const { hint } = error;
		found({ severity: 'inconclusive', message: messageOf(error), ...(hint !== undefined && { hint }) });
		return {};
	}
}
