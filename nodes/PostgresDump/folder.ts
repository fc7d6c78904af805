/** The Folder option of the node, without slashes around it; the default where it is not given, the root where empty. */
export function folderOf({ folder = 'postgres' }: { folder?: string }): string {
	return folder.trim().replace(/^\/+|\/+$/g, '');
}

/** The beginning of all keys in a folder. */
export function prefixOf(folder: string): string {
	return folder === '' ? '' : `${folder}/`;
}
