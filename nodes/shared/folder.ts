import type { ILoadOptionsFunctions } from 'n8n-workflow';

import { textOf } from './fields';

/** The Folder option of a node, without slashes around it; the node's own folder where it is not given, the root where empty. */
export function folderOf({ folder }: { folder?: unknown }, ownFolder: string): string {
	return textOf(folder ?? ownFolder, 'Folder')
		.trim()
		.replace(/^\/+|\/+$/g, '');
}

/** The beginning of all keys in a folder. */
export function prefixOf(folder: string): string {
	return folder === '' ? '' : `${folder}/`;
}

/** The folder that the Options of a node name in the editor, as the beginning of keys. */
export function folderPrefix(context: ILoadOptionsFunctions, ownFolder: string): string {
	const options = (context.getCurrentNodeParameter('options') ?? {}) as { folder?: unknown };
	return prefixOf(folderOf(options, ownFolder));
}
