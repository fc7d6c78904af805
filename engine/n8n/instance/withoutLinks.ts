/** Binary data as n8n makes it: files and folders. */
import { unlink } from 'node:fs/promises';

import { pathOf, walk } from '../../tree/folder';

/**
 * Removes the symbolic links below a folder that was restored, and answers how many there were. n8n makes none among its binary data, and would
 * follow what somebody has put into an archive: out of the folder, to its key.
 * @param root absolute
 * @throws BackupError CANCELLED, and what the file system says
 */
export async function withoutLinks(root: string, signal: AbortSignal = new AbortController().signal): Promise<number> {
	const options = {
		root: Buffer.from(root),
		isExcluded: () => false,
		oneFileSystem: false,
		onUnreadable: (_: string, error: NodeJS.ErrnoException) => {
			throw error;
		},
		signal,
	};
	let count = 0;
	for await (const { name, stat } of walk(options)) {
		if (!stat.isSymbolicLink()) continue;
		await unlink(pathOf(options.root, name));
		count++;
	}
	return count;
}
