/** What files bring so that their backups can be verified: see engine/verify/system.ts. */
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';

import type { ArchiveReader } from '../../archive';
import { BackupError, messageOf } from '../../errors';
import { checkTree, openNeeded, readIndex, restoreTree } from '../../tree';
import type { BackupSystem, Counts } from '../../verify/system';
import type { CheckContext } from '../../verify/types';
import { assertRestorable, FilesTarget, hashOf, pathOf } from '../../tree/folder';

/** Where a backup of files is restored for a test: below this folder, in one that is removed afterwards. */
export interface FilesScratch {
	/** Absolute. */
	folder: string;
}

const FOUND_AT_MOST = 100;

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
	measures: { files: 'number of files', bytes: 'size of the files' },
};

/** Restores into a new folder, and compares the content of every file that stands there with the hash in the index. */
async function testRestore(reader: ArchiveReader, { folder }: FilesScratch, context: CheckContext): Promise<Counts> {
	const { signal, needed } = context;
	if (!needed) throw new BackupError('INVALID_INPUT', 'The backup came without the storage that it lies in.');
	const archives = await openNeeded(reader, { ...needed, signal });
	const root = await mkdtemp(path.join(folder, 'stack_backup_verify_')).catch((error: unknown) => {
		throw unusable(folder, error);
	});
	try {
		const begun = performance.now();
		const target = new FilesTarget({ root, existing: 'fail', modes: false });
		await restoreTree({ reader, archives, target, ...(signal && { signal }) });
		context.restoreTook?.(Math.round(performance.now() - begun));
		return await compare(reader, root, context);
	} finally {
		await rm(root, { recursive: true, force: true });
	}
}

function unusable(folder: string, cause: unknown): BackupError {
	const message = `Nothing can be restored into ${folder} for a test: ${messageOf(cause)}`;
	return new BackupError('TARGET_FAILED', message, {
		cause,
		hint: 'Choose a folder that exists and that n8n may write to.',
	});
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
