/** Folders that are backed up into a storage in a folder, and restored. */
import { onTestFinished } from 'vitest';

import { openArchive, type DecryptionKeys, type Manifest } from '../../../engine/archive';
import { FilesSource } from '../../../engine/files/source';
import { FilesTarget } from '../../../engine/tree/folder';
import type { FolderStorage } from '../../../engine/storage/folder';
import {
	backUpTree,
	NO_BASE,
	openNeeded,
	restoreTree,
	Selection,
	type Existing,
	type SelectionChoices,
	type TreeSource,
} from '../../../engine/tree';
import { removeFolder, temporaryFolder } from '../../services/guard';

/** An empty folder that goes with the test. */
export function folder(): string {
	const root = temporaryFolder('files');
	onTestFinished(() => removeFolder(root));
	return root;
}

export function sourceOf(root: string, choices?: SelectionChoices): FilesSource {
	return new FilesSource({ root, selection: new Selection(choices) });
}

/** A whole backup of a source, or of a folder. */
export async function backUp(storage: FolderStorage, source: TreeSource | string): Promise<Manifest> {
	return await backUpTree({
		storage,
		codec: { name: 'zstd' },
		archive: { kind: 'files', name: 'set' },
		source: typeof source === 'string' ? sourceOf(source) : source,
		base: NO_BASE,
		describe: () => ({ source: { system: 'files', version: '1', server: '/set' } }),
	});
}

export async function restore(
	storage: FolderStorage,
	manifest: Manifest,
	root: string,
	options: { existing?: Existing; choices?: SelectionChoices; keys?: DecryptionKeys } = {},
) {
	const { existing = 'fail', choices, keys } = options;
	const reader = await openArchive(storage, { manifest, folder: 'files' }, keys);
	const archives = await openNeeded(reader, { storage, keys });
	const target = new FilesTarget({ root, existing });
	return await restoreTree({ reader, archives, target, existing, selection: new Selection(choices) });
}
