/** A folder, or a single file, as the source of a backup. */
import { constants } from 'node:fs';
import { lstat, open, readlink, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';

import { BackupError, cancelled } from '../errors';
import { lend } from '../storage/lent';
import {
	MOST_LINKED,
	nameOf,
	shownName,
	type EntryFacts,
	type LeftOut,
	type OpenEntry,
	type Selection,
	type TreeSource,
	type WholeEntry,
} from '../tree';
import {
	Disk,
	folderOf,
	HeldFolders,
	isErrno,
	isForbidden,
	isGone,
	isStill,
	readState,
	stateOf,
	walkOn,
	type FileStat,
	type ForbiddenPaths,
} from '../tree/folder';

export interface FilesSourceOptions {
	/** Absolute: a folder, or a single file, which then is the only entry. */
	root: string;
	selection: Selection;
	/** What of the folder is not backed up whatever was chosen, absolute: the storage itself. */
	notIn?: readonly string[];
	/** Whether what lies on other file systems is left out. */
	oneFileSystem?: boolean;
	/** Whether a file or directory that cannot be read is left out and reported; by default the backup ends there. */
	skipUnreadable?: boolean;
	/** What is left out, and reported, because it must not be read. */
	forbidden?: ForbiddenPaths | undefined;
}

const CHUNK_BYTES = 1024 * 1024;
const NAMES_KEPT = 20;

export class FilesSource implements TreeSource {
	/** Below the folder that names are relative to: of a single file, the one that it is in. */
	#disk: Disk;
	#folders: HeldFolders;
	readonly #options: FilesSourceOptions;
	readonly #notIn: readonly string[];
	/** The name under which a file with several names was met first, by device and inode. */
	readonly #linked = new Map<string, string>();
	/** The device and inode that a name in `#linked` stands for, as long as it does: what is found there may be another file by now. */
	readonly #linkedNames = new Map<string, string>();
	readonly #spare: Buffer[] = [];
	/** What was left out and is no file: sockets, devices. */
	#specialCount = 0;
	readonly #special: string[] = [];
	#unreadableCount = 0;
	readonly #unreadable: string[] = [];
	#forbiddenCount = 0;
	readonly #forbidden: string[] = [];
	#entryCount = 0;
	/** How many of those are no folders. */
	#contentCount = 0;

	constructor(options: FilesSourceOptions) {
		this.#disk = new Disk(Buffer.from(options.root));
		this.#folders = new HeldFolders(this.#disk.root);
		this.#options = options;
		this.#notIn = (options.notIn ?? [])
			.map((folder) => path.relative(options.root, folder))
			.filter((relative) => relative !== '' && relative !== '..' && !relative.startsWith(`..${path.sep}`))
			.map((relative) => relative.split(path.sep).join('/'));
	}

	/** What the user has to know of what was left out. */
	get warnings(): string[] {
		const some = (count: number, names: string[]) =>
			count > names.length ? `${names.join(', ')} and ${count - names.length} more` : names.join(', ');
		return [
			...(this.#contentCount === 0 ? this.#emptyWarnings() : this.#options.selection.warnings),
			...(this.#specialCount > 0
				? [`${this.#specialCount} sockets, pipes and devices were left out: ${some(this.#specialCount, this.#special)}`]
				: []),
			...(this.#unreadableCount > 0
				? [
						`${this.#unreadableCount} entries could not be read and were left out: ${some(this.#unreadableCount, this.#unreadable)}`,
					]
				: []),
			...(this.#forbiddenCount > 0
				? [
						`${this.#forbiddenCount} entries were left out: ${some(this.#forbiddenCount, this.#forbidden)}. ${this.#options.forbidden?.because}`,
					]
				: []),
		];
	}

	async *entries(signal: AbortSignal): AsyncGenerator<EntryFacts> {
		const { root, selection, oneFileSystem = false } = this.#options;
		// It may be a link itself.
		const top = await stat(root, { bigint: true }).catch((error: unknown) => {
			throw sourceError(error, root);
		});
		this.#assertOutsideStorage();
		if (top.isFile()) {
			if ((await lstat(root)).isSymbolicLink()) {
				throw new BackupError('INVALID_INPUT', `${root} is a link to a file.`, {
					hint: 'Give the path of the file itself.',
				});
			}
			yield* this.#onlyEntry(top);
			return;
		}
		if (!top.isDirectory()) {
			throw new BackupError('INVALID_INPUT', `${root} is neither a folder nor a file.`, {
				hint: 'Give the path of a folder, or of a file.',
			});
		}
		const isExcluded = (name: string) => selection.isExcluded(name) || this.#isStorage(name) || this.#isForbidden(name);
		const onUnreadable = (name: string, error: NodeJS.ErrnoException) => this.#leaveOut(name, error);
		for await (const { name, stat: found } of walkOn(this.#disk, {
			isExcluded,
			oneFileSystem,
			onUnreadable,
			signal,
		})) {
			if (!selection.takes(name)) continue;
			const facts = await this.#factsOf(name, found);
			if (!facts) continue;
			this.#count(facts);
			yield facts;
		}
	}

	/** A single file, under its own name. */
	async *#onlyEntry(stat: FileStat): AsyncGenerator<EntryFacts> {
		const { root, selection } = this.#options;
		this.#disk = new Disk(Buffer.from(path.dirname(root)));
		this.#folders = new HeldFolders(this.#disk.root);
		const name = nameOf(Buffer.from(path.basename(root)));
		const { forbidden } = this.#options;
		if (forbidden && isForbidden(forbidden, path.dirname(root), name)) {
			throw new BackupError('ACCESS_DENIED', `${root} must not be read.`, { hint: forbidden.because });
		}
		if (!selection.takes(name)) return;
		const facts = await this.#factsOf(name, stat);
		if (!facts) return;
		this.#count(facts);
		yield facts;
	}

	async open({ name }: EntryFacts, signal: AbortSignal): Promise<OpenEntry | LeftOut> {
		let handle: FileHandle;
		try {
			// Not through a link that took its place, and without waiting for a pipe that did.
			const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
			handle = await this.#folders.hold(folderOf(name), (folder) => open(folder.at(name), flags));
		} catch (error) {
			return this.#notOpened(name, error);
		}
		try {
			const readFrom = Date.now();
			const before = await handle.stat({ bigint: true });
			this.#checkLinked(name, before);
			if (!before.isFile()) {
				await handle.close();
				return { leftOut: 'it is no file any more' };
			}
			return {
				facts: this.#readFacts(name, before, readFrom),
				bytes: this.#bytesOf(handle, name, signal),
				isUnchanged: async () => {
					const after = await handle.stat({ bigint: true });
					return after.size === before.size && after.mtimeNs === before.mtimeNs && after.ctimeNs === before.ctimeNs;
				},
				close: async () => await handle.close(),
			};
		} catch (error) {
			await handle.close().catch(() => {});
			throw sourceError(error, shownName(name));
		}
	}

	async readWhole({ name, size, state }: EntryFacts, signal: AbortSignal): Promise<WholeEntry | LeftOut> {
		try {
			const readFrom = Date.now();
			const { content, stat, sha256 } = await this.#disk.read(name, size, signal);
			this.#checkLinked(name, stat);
			if (!stat.isFile()) return { leftOut: 'it is no file any more' };
			const isUnchanged = isStill(stat, state) && Number(stat.size) === size;
			return { facts: this.#readFacts(name, stat, readFrom), content, sha256, isUnchanged };
		} catch (error) {
			return this.#notOpened(name, error);
		}
	}

	/** Why a file cannot be read, where the backup goes on without it. @throws BackupError where it does not */
	#notOpened(name: string, error: unknown): LeftOut {
		this.#linkedNames.delete(name);
		if (
			isErrno(error) &&
			['ENOENT', 'ELOOP', 'ENOTDIR', 'ENXIO', 'EISDIR', 'EAGAIN', 'ESPIPE'].includes(error.code ?? '')
		) {
			return { leftOut: 'it went away while the backup ran' };
		}
		if (isErrno(error) && this.#options.skipUnreadable && isDenied(error)) {
			return { leftOut: `it cannot be read, ${error.code}` };
		}
		throw sourceError(error, shownName(name));
	}

	/** What has another inode by now is not what links that were listed lead to. */
	#checkLinked(name: string, stat: FileStat): void {
		if (this.#linkedNames.get(name) !== inodeOf(stat)) this.#linkedNames.delete(name);
	}

	/** What is stored of a file that was read, from a moment on in milliseconds since 1970. */
	#readFacts(name: string, stat: FileStat, readFrom: number): EntryFacts {
		const facts = { ...fileFacts(name, stat), state: readState(stat, readFrom) };
		return { ...facts, ...(this.#linkedNames.has(name) && { linked: true as const }) };
	}

	close(): void {
		this.#disk.close();
		this.#folders.close();
	}

	isLinkValid({ target = '' }: EntryFacts): boolean {
		return this.#linkedNames.has(target);
	}

	async *#bytesOf(handle: FileHandle, name: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
		for (let position = 0; ;) {
			if (signal.aborted) throw cancelled();
			const buffer = this.#spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
			const { bytesRead } = await handle.read(buffer, 0, buffer.length, position).catch((error: unknown) => {
				throw sourceError(error, shownName(name));
			});
			if (bytesRead === 0) {
				this.#spare.push(buffer);
				return;
			}
			position += bytesRead;
			yield lend(buffer.subarray(0, bytesRead), () => this.#spare.push(buffer));
		}
	}

	async #factsOf(name: string, stat: FileStat): Promise<EntryFacts | undefined> {
		if (stat.isFile()) return this.#linkFacts(name, stat) ?? fileFacts(name, stat);
		const common = commonFacts(name, stat);
		if (stat.isDirectory()) return { ...common, type: 'directory', size: 0 };
		if (stat.isSymbolicLink()) {
			try {
				const target = await this.#folders.hold(folderOf(name), (folder) =>
					readlink(folder.at(name), { encoding: 'buffer' }),
				);
				return { ...common, type: 'symlink', size: 0, target: nameOf(target) };
			} catch (error) {
				// It is gone, or no link any more.
				if (isErrno(error) && (isGone(error) || error.code === 'EINVAL')) return undefined;
				throw sourceError(error, shownName(name));
			}
		}
		this.#specialCount++;
		if (this.#special.length < NAMES_KEPT) this.#special.push(shownName(name));
		return undefined;
	}

	/** The first of a file's several names has the content, the others lead to it. */
	#linkFacts(name: string, stat: FileStat): EntryFacts | undefined {
		if (stat.nlink < 2n) return undefined;
		const inode = inodeOf(stat);
		const target = this.#linked.get(inode);
		if (target !== undefined) return { ...commonFacts(name, stat), type: 'link', size: 0, target };
		if (this.#linked.size >= MOST_LINKED) return undefined;
		this.#linked.set(inode, name);
		this.#linkedNames.set(name, inode);
		return { ...fileFacts(name, stat), linked: true };
	}

	#count({ type }: EntryFacts): void {
		this.#entryCount++;
		if (type !== 'directory') this.#contentCount++;
	}

	#isStorage(name: string): boolean {
		return this.#notIn.some((folder) => name === `${folder}/` || name.startsWith(`${folder}/`));
	}

	#isForbidden(name: string): boolean {
		const { forbidden, root } = this.#options;
		if (!isForbidden(forbidden, root, name)) return false;
		this.#forbiddenCount++;
		if (this.#forbidden.length < NAMES_KEPT) this.#forbidden.push(shownName(name));
		return true;
	}

	/** A backup of the backups would hold the one before, and so grow without an end. @throws BackupError INVALID_INPUT */
	#assertOutsideStorage(): void {
		const { root, notIn = [] } = this.#options;
		const storage = notIn.find((folder) => {
			const below = path.relative(folder, root);
			return below === '' || (below !== '..' && !below.startsWith(`..${path.sep}`) && !path.isAbsolute(below));
		});
		if (storage === undefined) return;
		throw new BackupError('INVALID_INPUT', `${root} lies in the storage of the backups, ${storage}.`, {
			hint: 'Choose what is to be backed up, not the backups themselves. To have them twice, copy the storage as a whole.',
		});
	}

	/** What is to be said of a backup without any content. */
	#emptyWarnings(): string[] {
		const { root, selection } = this.#options;
		if (this.#entryCount > 0) {
			if (selection.isWhole) return [];
			return [
				`Nothing but folders in ${root} fits the patterns. What is in a folder is included by a slash at the end of its pattern.`,
			];
		}
		return [
			selection.isWhole
				? `${root} is empty, and so is the backup. Is something to be mounted there?`
				: `Nothing in ${root} fits the patterns: the backup is empty.`,
		];
	}

	#leaveOut(name: string, error: NodeJS.ErrnoException): void {
		if (!this.#options.skipUnreadable || !isDenied(error) || name === '') {
			throw sourceError(error, name === '' ? this.#options.root : shownName(name));
		}
		this.#unreadableCount++;
		if (this.#unreadable.length < NAMES_KEPT) this.#unreadable.push(shownName(name));
	}
}

function inodeOf({ dev, ino }: FileStat): string {
	return `${dev}:${ino}`;
}

function commonFacts(name: string, { mtimeNs, mode, uid, gid }: FileStat) {
	return { name, modified: mtimeNs, mode: Number(mode & 0o7777n), uid: Number(uid), gid: Number(gid) };
}

/** Blocks of this many bytes are what a file's `blocks` count, on every system (stat(2)). */
const STAT_BLOCK = 512n;

function fileFacts(name: string, stat: FileStat): EntryFacts {
	const { size, blocks } = stat;
	return {
		...commonFacts(name, stat),
		type: 'file',
		size: Number(size),
		state: stateOf(stat),
		...(blocks * STAT_BLOCK < size && { sparse: true as const }),
	};
}

function isDenied({ code }: NodeJS.ErrnoException): boolean {
	return code === 'EACCES' || code === 'EPERM';
}

/** What the file system answered, as an error of the source. */
function sourceError(error: unknown, what: string): unknown {
	if (!isErrno(error)) return error;
	const { code = '' } = error;
	if (code === 'ENOENT') {
		return new BackupError('INVALID_INPUT', `${what} does not exist.`, {
			cause: error,
			hint: 'Check the path. In a container, the folder must be mounted into it.',
		});
	}
	if (isDenied(error)) {
		return new BackupError('ACCESS_DENIED', `The system does not allow reading ${what}.`, {
			cause: error,
			hint: 'Give the user that n8n runs as the right to read it (in a container usually uid 1000), exclude it, or choose to leave out what cannot be read.',
		});
	}
	return new BackupError('SOURCE_FAILED', `Reading ${what} failed: ${code}.`, {
		cause: error,
		hint: 'Check the disk or the network share that it lies on; the system log may say more.',
	});
}
