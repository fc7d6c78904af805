/**
 * A folder as the target of a restore. The names come from an archive that may be hostile, so every way out of the folder is
 * closed: a name is a row of plain parts, none of them `..`; nothing is written through a symbolic link, whoever made it; and
 * links of the backup are made after all files. A file is written under a name of its own beside its place, and gets its name when
 * it is whole; where nothing may be overwritten, by a hard link, which never overwrites.
 */
import { randomBytes } from 'node:crypto';
import { constants, type BigIntStats } from 'node:fs';
import * as fs from 'node:fs/promises';

import { BackupError } from '../../errors';
import type { TreeEntry } from '../entry';
import { shownName } from '../name';
import type { Existing, TreeTarget } from '../target';
import { assertNotForbidden, type ForbiddenPaths } from './forbidden';
import { hashOf } from './hash';
import { assertInside, assertRestorable, foldersAbove } from './names';
import { noRoom, notADirectory, targetError } from './target-errors';
import { isErrno, pathOf } from './walk';
import { writeContent } from './write-content';

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
}

/** Times are kept in nanoseconds and set in floating-point seconds. */
const TIME_TOLERANCE = 2000n;
const MOST_CHECKED = 10_000;
/** What is left free on the disk. */
const SPARE_ROOM = 64 * 1024 * 1024;

export class FilesTarget implements TreeTarget {
	readonly #root: Buffer;
	readonly #options: FilesTargetOptions;
	/** Directories that were found to be real ones, or were made. */
	readonly #checked = new Set<string>();

	constructor(options: FilesTargetOptions) {
		this.#options = options;
		this.#root = Buffer.from(options.root);
	}

	accept(entry: TreeEntry): void {
		assertRestorable(entry);
		assertNotForbidden(this.#options.forbidden, this.#options.root, entry.name);
	}

	async prepare({ bytes }: { bytes: number }): Promise<void> {
		try {
			await fs.mkdir(this.#root, { recursive: true });
			const { bavail, bsize } = await fs.statfs(this.#root);
			const free = bavail * bsize;
			if (bytes + SPARE_ROOM > free) throw noRoom(this.#options.root, bytes, free);
		} catch (error) {
			throw targetError(error, this.#options.root);
		}
	}

	async look(entry: TreeEntry): Promise<'nothing' | 'same' | 'other'> {
		try {
			if (!(await this.#isReachable(entry.name))) return 'nothing';
			const stat = await fs.lstat(this.#pathOf(entry.name), { bigint: true });
			// A folder that is there is taken as it is, and gets its mode and its time at the end.
			if (entry.type === 'directory' && stat.isDirectory()) return 'nothing';
			return (await this.#isSame(entry, stat)) ? 'same' : 'other';
		} catch (error) {
			if (isErrno(error) && error.code === 'ENOENT') return 'nothing';
			throw targetError(error, shownName(entry.name));
		}
	}

	async writeFile(entry: TreeEntry, content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
		const file = this.#pathOf(entry.name);
		const partial = this.#partialOf(entry.name);
		try {
			await this.#assertParents(entry.name);
			const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
			const handle = await fs.open(partial, flags, 0o600);
			try {
				await writeContent(handle, content, entry, signal);
				await this.#setAttributes(handle, entry);
			} finally {
				await handle.close();
			}
			await this.#publish(partial, file, entry);
		} catch (error) {
			await fs.rm(partial, { force: true }).catch(() => {});
			throw targetError(error, shownName(entry.name));
		}
	}

	async make(entry: TreeEntry): Promise<void> {
		const { name, type, target = '' } = entry;
		try {
			await this.#assertParents(name);
			if (type === 'directory') return await this.#makeDirectory(entry);
			const place = this.#pathOf(name);
			const partial = this.#partialOf(name);
			if (type === 'link') {
				await this.#assertParents(target);
				await fs.link(this.#pathOf(target), partial);
			} else {
				await fs.symlink(this.#linkTarget(target), partial);
				await this.#setLinkAttributes(partial, entry);
			}
			try {
				await this.#publish(partial, place, entry);
			} catch (error) {
				await fs.rm(partial, { force: true });
				throw error;
			}
		} catch (error) {
			throw targetError(error, shownName(name));
		}
	}

	/** Gives a file another name in the folder, which nothing may have yet. @throws BackupError */
	async move(name: string, to: string): Promise<void> {
		assertInside(name);
		assertInside(to);
		try {
			if (!(await this.#isReachable(name))) return;
			await this.#assertParents(to);
			// A rename replaces what is there.
			const found = await fs.lstat(this.#pathOf(to)).catch(() => undefined);
			if (found)
				throw new BackupError('TARGET_EXISTS', `${shownName(to)} is there already.`, { hint: 'Run it again.' });
			await fs.rename(this.#pathOf(name), this.#pathOf(to));
		} catch (error) {
			throw targetError(error, shownName(name));
		}
	}

	async finishDirectory(entry: TreeEntry): Promise<void> {
		try {
			const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_DIRECTORY;
			const handle = await fs.open(this.#bare(entry.name), flags);
			try {
				await this.#setAttributes(handle, entry);
			} finally {
				await handle.close();
			}
		} catch (error) {
			// What was skipped stands in its place.
			const isOther = isErrno(error) && (error.code === 'ENOTDIR' || error.code === 'ELOOP');
			if (isOther && this.#options.existing === 'skip') return;
			throw targetError(error, shownName(entry.name));
		}
	}

	async #makeDirectory(entry: TreeEntry): Promise<void> {
		try {
			await fs.mkdir(this.#bare(entry.name), 0o700);
		} catch (error) {
			if (!isErrno(error) || error.code !== 'EEXIST') throw error;
			const stat = await fs.lstat(this.#bare(entry.name));
			if (!stat.isDirectory()) throw notADirectory(entry.name);
		}
	}

	/** Gives what was written its name. */
	async #publish(partial: Buffer, place: Buffer, { name }: TreeEntry): Promise<void> {
		if (this.#options.existing === 'overwrite') {
			const found = await fs.lstat(place).catch(() => undefined);
			// An empty one may go; one that holds something is never removed by a restore.
			if (found?.isDirectory()) {
				await fs.rmdir(place).catch((cause: unknown) => {
					throw new BackupError(
						'TARGET_EXISTS',
						`A folder that is not empty stands where ${shownName(name)} has to be.`,
						{
							cause,
							hint: 'Move it away, or restore into an empty place.',
						},
					);
				});
				// What was known of it, and of what is below it, holds no longer.
				this.#checked.clear();
			}
			await fs.rename(partial, place);
			return;
		}
		try {
			await fs.link(partial, place);
		} catch (error) {
			if (!isErrno(error) || !WITHOUT_LINKS.has(error.code ?? '')) throw error;
			// Such a file system cannot give a name only where it is free; so it is asked right before.
			if (await isThere(place)) throw Object.assign(new Error('it exists'), { code: 'EEXIST' });
			await fs.rename(partial, place);
			return;
		}
		await fs.rm(partial);
	}

	async #setAttributes(handle: fs.FileHandle, { mode, uid, gid, modified }: TreeEntry): Promise<void> {
		const { owners = false, modes = true } = this.#options;
		if (owners && uid !== undefined && gid !== undefined) await handle.chown(uid, gid);
		// After the owner, for a change of that takes the special bits away.
		if (modes && mode !== undefined) await handle.chmod(owners ? mode : mode & 0o777);
		await handle.utimes(seconds(modified), seconds(modified));
	}

	async #setLinkAttributes(link: Buffer, { uid, gid, modified }: TreeEntry): Promise<void> {
		if (this.#options.owners && uid !== undefined && gid !== undefined) await fs.lchown(link, uid, gid);
		await fs.lutimes(link, seconds(modified), seconds(modified));
	}

	async #isSame(entry: TreeEntry, stat: BigIntStats): Promise<boolean> {
		const { name, type, size, modified, target = '', sha256 } = entry;
		if (type === 'directory') return false;
		if (type === 'symlink') {
			if (!stat.isSymbolicLink()) return false;
			const found = await fs.readlink(this.#pathOf(name), { encoding: 'buffer' });
			return found.equals(this.#linkTarget(target));
		}
		if (!stat.isFile()) return false;
		if (type === 'link') {
			const other = await fs.lstat(this.#pathOf(target), { bigint: true }).catch(() => undefined);
			return other?.ino === stat.ino && other.dev === stat.dev;
		}
		const difference = stat.mtimeNs - modified;
		const isOfSameTime = difference < TIME_TOLERANCE && -difference < TIME_TOLERANCE;
		if (Number(stat.size) !== size || !isOfSameTime) return false;
		// Whoever overwrites wants the content of the backup, whatever a time says of it.
		return this.#options.existing !== 'overwrite' || (await hashOf(this.#pathOf(name))) === sha256;
	}

	/** Whether all folders above an entry are there, and real ones. @throws BackupError TARGET_EXISTS for a link or a file */
	async #isReachable(name: string): Promise<boolean> {
		for (const folder of foldersAbove(name)) {
			if (this.#checked.has(folder)) continue;
			let stat;
			try {
				stat = await fs.lstat(this.#bare(folder));
			} catch (error) {
				if (isErrno(error) && error.code === 'ENOENT') return false;
				throw error;
			}
			if (!stat.isDirectory()) throw notADirectory(folder);
			this.#remember(folder);
		}
		return true;
	}

	/** Makes the folders above an entry that are not there: a part of a backup may be restored without them. */
	async #assertParents(name: string): Promise<void> {
		if (await this.#isReachable(name)) return;
		for (const folder of foldersAbove(name)) {
			await fs.mkdir(this.#bare(folder)).catch((error: unknown) => {
				if (!isErrno(error) || error.code !== 'EEXIST') throw error;
			});
		}
		if (!(await this.#isReachable(name))) throw notADirectory(name);
	}

	#remember(folder: string): void {
		if (this.#checked.size >= MOST_CHECKED) this.#checked.clear();
		this.#checked.add(folder);
	}

	#pathOf(name: string): Buffer {
		return pathOf(this.#root, name);
	}

	#bare(name: string): Buffer {
		return pathOf(this.#root, name.replace(/\/$/, ''));
	}

	#linkTarget(target: string): Buffer {
		return pathOf(Buffer.alloc(0), target).subarray(1);
	}

	#partialOf(name: string): Buffer {
		const folder = name.slice(0, name.lastIndexOf('/') + 1);
		return this.#pathOf(`${folder}.${randomBytes(6).toString('hex')}.partial`);
	}
}

/** What file systems say that know no hard links, or not so many: FAT, some network shares. */
const WITHOUT_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

async function isThere(place: Buffer): Promise<boolean> {
	try {
		await fs.lstat(place);
		return true;
	} catch (error) {
		if (isErrno(error) && error.code === 'ENOENT') return false;
		throw error;
	}
}

function seconds(nanoseconds: bigint): number {
	return Number(nanoseconds) / 1e9;
}
