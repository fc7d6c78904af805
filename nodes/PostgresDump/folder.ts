import { textOf } from '../shared/fields';

/** The Folder option of the node, without slashes around it; the default where it is not given, the root where empty. */
export function folderOf({ folder }: { folder?: unknown }): string {
	return textOf(folder ?? 'postgres', 'Folder')
		.trim()
		.replace(/^\/+|\/+$/g, '');
}

/** The beginning of all keys in a folder. */
export function prefixOf(folder: string): string {
	return folder === '' ? '' : `${folder}/`;
}
