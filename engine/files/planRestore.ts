/** What a restore into a folder would meet and write: asked by the very checks of the restore, and changed in nothing. */
import { opendir } from 'node:fs/promises';

import { type ArchiveReader, RestoreCheck } from '../archive';
import type { BackupError } from '../errors';
import { assertBackupOf, openNeeded, planTree, Selection } from '../tree';
import { FilesTarget, isErrno, targetError } from '../tree/folder';
import { assertConfirmed } from './confirmed';
import type { RestoreFilesOptions } from './restoreFiles';

/** The folder that a restore goes into, as it is now. */
export interface TargetFolder {
	exists: boolean;
	/** Files and folders directly in it, up to a thousand. */
	entries: number;
}

export interface FilesRestorePlan {
	/** Undefined where it could not be looked at. */
	target: TargetFolder | undefined;
	/** What would be restored; of it, what is there already and the same is left alone. Undefined where that could not be found out. */
	restored: { entries: number; bytes: number } | undefined;
	/** Why the restore would be refused, or could not succeed. */
	problems: BackupError[];
	warnings: string[];
}

export interface PlanFilesOptions extends Omit<RestoreFilesOptions, 'reader' | 'onProgress'> {
	/** Opens what is to be restored, and proves what can be proved in seconds. */
	open: () => Promise<ArchiveReader>;
}

const MOST_COUNTED = 1000;

/** @throws BackupError CANCELLED; whatever else a restore would end with is among the problems */
export async function planFilesRestore(options: PlanFilesOptions): Promise<FilesRestorePlan> {
	const { open, storage, keys, root, choices, existing, confirmation, owners = false, forbidden, signal } = options;
	const check = new RestoreCheck();
	const reader = await check.ask(open);
	await check.ask(() => assertConfirmed(root, existing, confirmation));
	const target = await check.ask(async () => await describeFolder(root));
	const selection = new Selection(choices);
	const restored =
		reader &&
		(await check.ask(async () => {
			assertBackupOf(reader, { kind: 'files', things: 'files', node: 'Files Archive' });
			const archives = await openNeeded(reader, { storage, keys, signal });
			const into = new FilesTarget({ root, existing, owners, forbidden });
			return await planTree({ reader, archives, target: into, selection, existing, ...(signal && { signal }) });
		}));
	return { target, restored, problems: check.problems, warnings: selection.warnings };
}

async function describeFolder(root: string): Promise<TargetFolder> {
	try {
		let entries = 0;
		for await (const _ of await opendir(root)) if (++entries === MOST_COUNTED) break;
		return { exists: true, entries };
	} catch (error) {
		if (isErrno(error) && error.code === 'ENOENT') return { exists: false, entries: 0 };
		throw targetError(error, root);
	}
}
