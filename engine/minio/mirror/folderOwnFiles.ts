/** The mirror's own small files in a folder. */
import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';

import { BackupError } from '../../errors';
import { folderOf, walk, type HeldFolders } from '../../tree/folder';
import { LARGEST_OWN, type Listed, type OwnFiles } from './place';

interface FolderOwnFilesOptions {
	/** Absolute. */
	root: Buffer;
	folders: HeldFolders;
	/** Whether there is a file of just this name. */
	isThere: (name: string) => Promise<boolean>;
	/** @throws BackupError TARGET_EXISTS where it should be new and is not */
	write: (
		file: Pick<Listed, 'name' | 'size' | 'modified'>,
		bytes: AsyncIterable<Uint8Array>,
		isNew: boolean,
		signal: AbortSignal,
	) => Promise<void>;
	/** Gives what the file system answered as an error that says what to do. */
	explained: (error: unknown, name: string) => unknown;
}

export function folderOwnFiles({ root, folders, isThere, write, explained }: FolderOwnFilesOptions): OwnFiles {
	const writeWhole = async (name: string, content: Buffer, isNew: boolean, signal: AbortSignal) => {
		const bytes = (async function* () {
			yield await Promise.resolve(content);
		})();
		const facts = { name, size: content.length, modified: BigInt(Date.now()) * 1_000_000n };
		await write(facts, bytes, isNew, signal);
	};
	return {
		async *list(beginning, signal) {
			const options = {
				root,
				below: beginning.slice(0, beginning.lastIndexOf('/') + 1),
				isExcluded: (name: string) => !name.startsWith(beginning),
				oneFileSystem: false,
				onUnreadable: (name: string, error: NodeJS.ErrnoException) => {
					if (error.code !== 'ENOENT') throw explained(error, name);
				},
				signal,
			};
			for await (const { name, stat } of walk(options)) {
				if (stat.isFile()) yield { name, modifiedAt: new Date(Number(stat.ctimeNs / 1_000_000n)) };
			}
		},
		read: async (name) => {
			if (!(await isThere(name))) return undefined;
			try {
				const flags = constants.O_RDONLY | constants.O_NOFOLLOW;
				const handle = await folders.hold(folderOf(name), (folder) => fs.open(folder.at(name), flags));
				return await beginningOf(handle).finally(async () => await handle.close());
			} catch (error) {
				throw explained(error, name);
			}
		},
		write: async (name, content, signal) => await writeWhole(name, content, false, signal),
		create: async (name, content, signal) => {
			try {
				await writeWhole(name, content, true, signal);
				return true;
			} catch (error) {
				if (error instanceof BackupError && error.code === 'TARGET_EXISTS') return false;
				throw error;
			}
		},
	};
}

async function beginningOf(handle: fs.FileHandle): Promise<Buffer> {
	const { size } = await handle.stat();
	const content = Buffer.alloc(Math.min(size, LARGEST_OWN + 1));
	let length = 0;
	for (let bytesRead = -1; length < content.length && bytesRead !== 0; length += bytesRead) {
		({ bytesRead } = await handle.read(content, length, content.length - length, length));
	}
	return content.subarray(0, length);
}
