/**
 * A folder as the target of a restore. The names come from an archive that may be hostile, so every way out of the folder is
 * closed: a name is a row of plain parts, none of them `..`; nothing is written through a symbolic link, whoever made it; and
 * links of the backup are made after all files. A file is written under a name of its own beside its place, and gets its name when
 * it is whole; where nothing may be overwritten, by a hard link, which never overwrites. Small files go to a thread that does all
 * of their calls at once (disk/disk.ts).
 */
import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';

import { BackupError } from '../../errors';
import type { TreeEntry } from '../entry';
import { bytesOf, shownName } from '../name';
import type { Existing, Found, TreeTarget } from '../target';
import { Disk, type Attributes } from './disk/disk';
import { assertNotForbidden, type ForbiddenPaths } from './forbidden';
import { HeldFolders } from './held';
import { folderOf, type HeldFolder } from './held-folder';
import { assertInside, assertRestorable } from './names';
import { nameOnly, nameOver } from './publish';
import { partialName } from './partial';
import { isUsed, Standing } from './standing';
import { namesFallTogether, noRoom, targetError } from './target-errors';
import { TargetFolders } from './target-folders';
import { isErrno } from './walk';
import { writeContent, type Chunks, type Hole } from './write-content';

export interface FilesTargetOptions {
	/** Absolute. Made where it does not exist. */
	root: string;
	existing: Existing;
	/** Whether owners are restored, and the bits that run a program as its owner; only root can. */
	owners?: boolean;
	/** Whether permissions are restored, which is so by default. Without them, all of it can be read and removed again. */
	modes?: boolean;
	/** What must not be written: a backup that holds it is not restored there. */
	forbidden?: ForbiddenPaths | undefined;
	/** Whether a file gets its name only when its content is on the disk, and not just on its way there. */
	isDurable?: boolean;
	/** What does its calls, where several targets of one folder share that; `close` leaves it as it is. */
	disk?: Disk;
}

/** What is left free on the disk. */
const SPARE_ROOM = 64 * 1024 * 1024;

export class FilesTarget implements TreeTarget {
	readonly givesBack = true;
	readonly #root: Buffer;
	readonly #options: FilesTargetOptions;
	readonly #disk: Disk;
	readonly #held: HeldFolders;
	readonly #folders: TargetFolders;
	readonly #standing: Standing;
	#syncing = Promise.resolve();

	constructor(options: FilesTargetOptions) {
		this.#options = options;
		this.#root = Buffer.from(options.root);
		this.#disk = options.disk ?? new Disk(this.#root);
		this.#held = new HeldFolders(this.#root);
		this.#folders = new TargetFolders(this.#held, this.#disk);
		this.#standing = new Standing(this.#root, options.existing, this.#held, this.#folders);
	}

	accept(entry: TreeEntry): void {
		assertRestorable(entry);
		assertNotForbidden(this.#options.forbidden, this.#options.root, entry.name);
	}

	async prepare({ bytes }: { bytes: number }): Promise<void> {
		this.#standing.begin();
		try {
			await fs.mkdir(this.#root, { recursive: true });
			this.#folders.begin({ wasUsed: await isUsed(this.#root) });
			await this.#standing.noteTime();
			const { bavail, bsize } = await fs.statfs(this.#root);
			const free = bavail * bsize;
			if (bytes + SPARE_ROOM > free) throw noRoom(this.#options.root, bytes, free);
		} catch (error) {
			throw targetError(error, this.#options.root);
		}
	}

	look(entry: TreeEntry): Promise<Found> | Found {
		const found = this.#standing.at(entry);
		if (typeof found === 'string') return found;
		return found.catch((error: unknown) => {
			throw targetError(error, shownName(entry.name));
		});
	}

	/** See TreeTarget. @param onTime as NewFile has it */
	async writeFile(
		entry: TreeEntry,
		content: AsyncIterable<Uint8Array | Chunks | Hole>,
		signal: AbortSignal,
		onTime?: (modified: bigint) => void,
	): Promise<void> {
		const { name } = entry;
		const replaces = this.#replaces(name);
		try {
			await this.#makeAbove(name);
			await this.#held.hold(folderOf(name), async (folder) => {
				const partial = folder.at(partialName());
				try {
					const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
					const handle = await fs.open(partial, flags, 0o600);
					try {
						const sync = this.#options.isDurable ? () => this.#sync(handle) : undefined;
						await writeContent(handle, content, entry, { signal, sync });
						await this.#setAttributes(handle, entry);
						await sync?.();
						if (onTime) onTime((await handle.stat({ bigint: true })).mtimeNs);
					} finally {
						await handle.close();
					}
					await this.#publish(partial, folder, name, replaces);
				} catch (error) {
					await fs.rm(partial, { force: true }).catch(() => {});
					throw error;
				}
			});
		} catch (error) {
			throw await this.#explained(error, name);
		}
	}

	/** See TreeTarget. @param onTime as NewFile has it */
	async writeWhole(
		entry: TreeEntry,
		content: Uint8Array,
		signal: AbortSignal,
		onTime?: (modified: bigint) => void,
	): Promise<boolean> {
		const { name, sha256 = '' } = entry;
		const partial = folderOf(name) + partialName();
		const replaces = this.#replaces(name);
		try {
			const making = this.#makeAbove(name);
			if (making) await making;
			const attributes = this.#attributesOf(entry);
			const { isDurable = false } = this.#options;
			const file = { name, partial, content, sha256, attributes, replaces, isDurable, onTime };
			const outcome = await this.#disk.write(file, signal);
			// Once more, which tells why, or finds another way.
			if (outcome === 'written') {
				await this.#held.hold(folderOf(name), (folder) => this.#publish(folder.at(partial), folder, name, replaces));
			}
			return outcome !== 'changed';
		} catch (error) {
			const remove = (folder: HeldFolder) => fs.rm(folder.at(partial), { force: true });
			await this.#held.hold(folderOf(name), remove).catch(() => {});
			throw await this.#explained(error, name);
		}
	}

	async make(entry: TreeEntry, signal: AbortSignal): Promise<void> {
		const { name, type, target = '' } = entry;
		try {
			if (type === 'directory') return await this.#folders.make(name, signal);
			await this.#makeAbove(name);
			if (type === 'link') await this.#makeAbove(target);
			const replaces = this.#replaces(name);
			await this.#held.hold(folderOf(name), (folder) => this.#makeLink(entry, folder, replaces));
		} catch (error) {
			throw await this.#explained(error, name);
		}
	}

	/** Gives a file another name in the folder, which nothing may have yet. @throws BackupError */
	async move(name: string, to: string): Promise<void> {
		assertInside(name);
		assertInside(to);
		try {
			if ((await this.#folders.firstMissing(name)) !== undefined) return;
			await this.#makeAbove(to);
			await this.#held.hold(folderOf(name), async (from) => {
				await this.#held.hold(folderOf(to), async (into) => {
					// A rename replaces what is there.
					if (await fs.lstat(into.at(to)).catch(() => undefined)) {
						throw new BackupError('TARGET_EXISTS', `${shownName(to)} is there already.`, { hint: 'Run it again.' });
					}
					await fs.rename(from.at(name), into.at(to));
				});
			});
		} catch (error) {
			throw targetError(error, shownName(name));
		}
	}

	async finishDirectory(entry: TreeEntry, signal: AbortSignal): Promise<void> {
		try {
			await this.#disk.finish(entry.name.replace(/\/$/, ''), this.#attributesOf(entry), signal);
		} catch (error) {
			// What was skipped stands in its place.
			const isOther = isErrno(error) && (error.code === 'ENOTDIR' || error.code === 'ELOOP');
			if (isOther && this.#options.existing === 'skip') return;
			throw targetError(error, shownName(entry.name));
		}
	}

	/** To be called when folders may have gone: what was known of them, and is held open, is of no use any more. */
	forget(): void {
		this.#folders.forget();
		this.#held.forget();
		this.#disk.forget();
		this.#standing.forget();
	}

	close(): Promise<void> {
		if (!this.#options.disk) this.#disk.close();
		this.#held.close();
		return Promise.resolve();
	}

	/** One file after the other: each takes a thread of Node's, of which there are four for all of n8n. */
	async #sync(handle: fs.FileHandle): Promise<void> {
		const before = this.#syncing;
		const syncing = (async () => {
			await before;
			await handle.datasync();
		})();
		this.#syncing = syncing.catch(() => {});
		await syncing;
	}

	/** @returns what is to be waited for, if anything */
	#makeAbove(name: string): Promise<void> | undefined {
		this.#standing.begin();
		return this.#folders.isReady(folderOf(name)) ? undefined : this.#folders.makeAbove(name);
	}

	async #makeLink(entry: TreeEntry, folder: HeldFolder, replaces: boolean): Promise<void> {
		const { name, type, target = '' } = entry;
		const partial = folder.at(partialName());
		try {
			if (type === 'link') {
				await this.#held.hold(folderOf(target), (other) => fs.link(other.at(target), partial));
			} else {
				await fs.symlink(bytesOf(target), partial);
				await this.#setLinkAttributes(partial, entry);
			}
			await this.#publish(partial, folder, name, replaces);
		} catch (error) {
			await fs.rm(partial, { force: true });
			throw error;
		}
	}

	/** Whether what is written under a name may take the place of what has it. */
	#replaces(name: string): boolean {
		return this.#options.existing === 'overwrite' && !this.#standing.takeFree(name);
	}

	async #explained(error: unknown, name: string): Promise<unknown> {
		const isTaken = isErrno(error) && error.code === 'EEXIST';
		const isOther = isTaken && (await this.#standing.hasOtherForms(name).catch(() => false));
		return isOther ? namesFallTogether(name) : targetError(error, shownName(name));
	}

	/** Gives what was written its name. */
	async #publish(partial: Buffer, folder: HeldFolder, name: string, replaces: boolean): Promise<void> {
		if (!replaces) return await nameOnly(partial, folder.at(name));
		const { wasFolder } = await nameOver(partial, folder.at(name), name);
		// What was known of it, and of what is below it, holds no longer.
		if (wasFolder) this.forget();
	}

	/** What is restored of what belongs to an entry. */
	#attributesOf({ mode, uid, gid, modified }: TreeEntry): Attributes {
		const { owners = false, modes = true } = this.#options;
		return {
			owner: owners && uid !== undefined && gid !== undefined ? { uid, gid } : undefined,
			mode: modes && mode !== undefined ? (owners ? mode : mode & 0o777) : undefined,
			seconds: seconds(modified),
		};
	}

	async #setAttributes(handle: fs.FileHandle, entry: TreeEntry): Promise<void> {
		const attributes = this.#attributesOf(entry);
		if (attributes.owner) await handle.chown(attributes.owner.uid, attributes.owner.gid);
		// After the owner, for a change of that takes the special bits away.
		if (attributes.mode !== undefined) await handle.chmod(attributes.mode);
		await handle.utimes(attributes.seconds, attributes.seconds);
	}

	async #setLinkAttributes(link: Buffer, { uid, gid, modified }: TreeEntry): Promise<void> {
		if (this.#options.owners && uid !== undefined && gid !== undefined) await fs.lchown(link, uid, gid);
		await fs.lutimes(link, seconds(modified), seconds(modified));
	}
}

function seconds(nanoseconds: bigint): number {
	return Number(nanoseconds) / 1e9;
}
