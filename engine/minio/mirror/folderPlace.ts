/** A folder as an end of a mirror: its files, without links, sockets and devices. */
import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';

import { BackupError, throwIfCancelled } from '../../errors';
import { bytesOf, shownName } from '../../tree';
import { FilesTarget, isErrno, pathOf, walk, type Walked } from '../../tree/folder';
import { confirmed } from './bucketPlace';
import { ObjectChanged, type Listed, type OpenObject, type OwnFiles, type Place } from './place';
import { isReserved } from './reserved';

export interface FolderPlaceOptions {
	/** Absolute. */
	root: string;
	/** A target is made where it does not exist; a source has to be there. */
	role: 'source' | 'target';
}

const CHUNK_BYTES = 1024 * 1024;
const LONGEST_PART = 255;
/** What a run that was killed leaves of a file. */
const PARTIAL = /(?:^|\/)\.[0-9a-f]{12}\.partial$/;
const PARTIAL_AGE = 24n * 60n * 60n * 1_000_000_000n;
/** Times are set in floating-point seconds. */
const TIME_TOLERANCE = 2000n;
/** A time of an object store has no parts of a second; as long after it, no other object can have the same one. */
const SAFE_AGE = 2_000_000_000n;

export class FolderPlace implements Place {
	readonly description: string;
	readonly server = undefined;
	readonly identity: string;
	readonly own: OwnFiles;
	readonly #options: FolderPlaceOptions;
	readonly #root: Buffer;
	readonly #target: FilesTarget;
	#isMade: Promise<void> | undefined;
	#others = 0;
	#other = '';

	constructor(options: FolderPlaceOptions) {
		this.#options = options;
		this.#root = Buffer.from(options.root);
		this.description = `folder ${options.root}`;
		this.identity = `${options.root.replace(/\/+$/, '')}/`;
		this.#target = new FilesTarget({ root: options.root, existing: 'overwrite' });
		this.own = {
			list: (folder, signal) => this.#listOwn(folder, signal),
			read: async (name) => await this.#readOwn(name),
			write: async (name, content, signal) => {
				const bytes = (async function* () {
					yield await Promise.resolve(content);
				})();
				await this.#write(name, content.length, BigInt(Date.now()) * 1_000_000n, bytes, signal);
			},
		};
	}

	async *list(signal: AbortSignal): AsyncGenerator<Listed> {
		const { root, role } = this.#options;
		const top = await fs.lstat(root).catch((error: unknown) => {
			if (isErrno(error) && error.code === 'ENOENT' && role === 'target') return undefined;
			throw this.#error(error, '');
		});
		if (!top) return;
		if (!top.isDirectory()) {
			throw new BackupError('INVALID_INPUT', `${root} is not a folder.`, { hint: 'Give the path of a folder.' });
		}
		this.#others = 0;
		const options = {
			root: this.#root,
			isExcluded: isReserved,
			oneFileSystem: false,
			onUnreadable: (name: string, error: NodeJS.ErrnoException) => {
				throw this.#error(error, name);
			},
			signal,
		};
		for await (const walked of walk(options)) {
			const { name, stat } = walked;
			if (PARTIAL.test(name)) await this.#clear(walked);
			else if (stat.isFile()) yield listed(name, stat);
			else if (!stat.isDirectory()) {
				this.#others++;
				this.#other ||= shownName(name);
			}
		}
	}

	refuses(name: string): string | undefined {
		if (name.endsWith('/')) return 'ends with a slash, as that of a folder';
		for (const part of name.split('/')) {
			if (part === '' || part === '.' || part === '..') return 'is no path of a file';
			if (part.includes('\0')) return 'holds a zero byte';
			if (bytesOf(part).length > LONGEST_PART) return `has a part longer than ${LONGEST_PART} bytes`;
		}
		return undefined;
	}

	async ask(name: string): Promise<Listed | undefined> {
		if (this.refuses(name) !== undefined) return undefined;
		// Whether the whole folder is gone, such as one that is not mounted any more, is another question.
		if (this.#options.role === 'source') {
			await fs.readdir(this.#root).catch((error: unknown) => {
				throw this.#error(error, '');
			});
		}
		try {
			const parts = name.split('/');
			for (let depth = 1; depth < parts.length; depth++) {
				const above = await fs.lstat(pathOf(this.#root, parts.slice(0, depth).join('/')));
				if (!above.isDirectory()) return undefined;
			}
			const stat = await fs.lstat(pathOf(this.#root, name), { bigint: true });
			return stat.isFile() ? listed(name, stat) : undefined;
		} catch (error) {
			if (isErrno(error) && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return undefined;
			throw this.#error(error, name);
		}
	}

	async open(object: Listed, signal: AbortSignal): Promise<OpenObject | undefined> {
		const { name } = object;
		const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
		let handle: fs.FileHandle;
		try {
			handle = await fs.open(pathOf(this.#root, name), flags);
		} catch (error) {
			if (isErrno(error) && ['ENOENT', 'ELOOP', 'ENOTDIR', 'ENXIO'].includes(error.code ?? '')) return undefined;
			throw this.#error(error, name);
		}
		const stat = await handle.stat({ bigint: true });
		if (!stat.isFile()) {
			await handle.close();
			return undefined;
		}
		const facts = listed(name, stat);
		return {
			facts,
			attributes: {},
			bytes: this.#bytesOf(handle, name, signal),
			confirm: async () => {
				if (listed(name, await handle.stat({ bigint: true })).version !== facts.version) throw new ObjectChanged();
			},
			close: async () => await handle.close(),
		};
	}

	async write(object: OpenObject, _mark: string, signal: AbortSignal): Promise<string> {
		const { name, size, modified } = object.facts;
		await this.#write(name, size, modified, confirmed(object, object.bytes), signal);
		const stat = await fs.lstat(pathOf(this.#root, name), { bigint: true });
		return listed(name, stat).writtenVersion;
	}

	memoryFor(size: number): number {
		return Math.min(size, 2 * CHUNK_BYTES);
	}

	isCopy(here: Listed, source: Listed): Promise<boolean> {
		const apart = here.modified - source.modified;
		const isOfSameTime = apart < TIME_TOLERANCE && -apart < TIME_TOLERANCE;
		// Written so soon after the source's time, it could be of another object of the same second.
		const isSure = (here.writtenAt ?? 0n) - source.modified > SAFE_AGE;
		return Promise.resolve(isOfSameTime && isSure);
	}

	keepsVersions(): Promise<boolean> {
		return Promise.resolve(false);
	}

	async move({ name }: Listed, to: string): Promise<void> {
		await this.#target.move(name, to);
		await this.#clearFolders(name);
	}

	async remove(name: string): Promise<void> {
		if (!(await this.ask(name))) return;
		try {
			await fs.rm(pathOf(this.#root, name), { force: true });
		} catch (error) {
			throw this.#error(error, name);
		}
		await this.#clearFolders(name);
	}

	warnings(): string[] {
		if (this.#others === 0) return [];
		const them = this.#others === 1 ? 'link, socket or device was' : 'links, sockets and devices were';
		return [`${this.#others} ${them} left out: only files are mirrored. The first: ${this.#other}.`];
	}

	close(): void {}

	async #write(
		name: string,
		size: number,
		modified: bigint,
		bytes: AsyncIterable<Uint8Array>,
		signal: AbortSignal,
	): Promise<void> {
		this.#isMade ??= this.#target.prepare({ bytes: 0 });
		await this.#isMade;
		this.#target.accept({ name, type: 'file', size, modified });
		await this.#target.writeFile({ name, type: 'file', size, modified, mode: 0o644 }, bytes, signal);
	}

	async *#bytesOf(handle: fs.FileHandle, name: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
		for (let position = 0; ;) {
			throwIfCancelled(signal);
			const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
			const { bytesRead } = await handle.read(buffer, 0, buffer.length, position).catch((error: unknown) => {
				throw this.#error(error, name);
			});
			if (bytesRead === 0) return;
			position += bytesRead;
			yield buffer.subarray(0, bytesRead);
		}
	}

	/** Folders that hold nothing any more: object stores have none. */
	async #clearFolders(name: string): Promise<void> {
		const parts = name.split('/');
		for (let depth = parts.length - 1; depth > 0; depth--) {
			try {
				await fs.rmdir(pathOf(this.#root, parts.slice(0, depth).join('/')));
			} catch {
				return;
			}
		}
	}

	async #clear({ name, stat }: Walked): Promise<void> {
		if (this.#options.role === 'source' || !stat.isFile()) return;
		const age = BigInt(Date.now()) * 1_000_000n - stat.mtimeNs;
		if (age > PARTIAL_AGE) await fs.rm(pathOf(this.#root, name), { force: true });
	}

	async *#listOwn(folder: string, signal: AbortSignal): AsyncGenerator<string> {
		const options = {
			root: pathOf(this.#root, folder.replace(/\/$/, '')),
			isExcluded: () => false,
			oneFileSystem: false,
			onUnreadable: (name: string, error: NodeJS.ErrnoException) => {
				if (error.code !== 'ENOENT') throw this.#error(error, folder + name);
			},
			signal,
		};
		for await (const { name, stat } of walk(options)) if (stat.isFile()) yield folder + name;
	}

	async #readOwn(name: string): Promise<Buffer | undefined> {
		if (!(await this.ask(name))) return undefined;
		try {
			return await fs.readFile(pathOf(this.#root, name), { flag: constants.O_RDONLY | constants.O_NOFOLLOW });
		} catch (error) {
			throw this.#error(error, name);
		}
	}

	#error(error: unknown, name: string): unknown {
		if (!isErrno(error)) return error;
		const { root, role } = this.#options;
		const what = name === '' ? root : `${shownName(name)} in ${root}`;
		const { code = '' } = error;
		if (code === 'ENOENT') {
			return new BackupError('INVALID_INPUT', `${what} does not exist.`, {
				cause: error,
				hint: 'Check the path. In a container, the folder must be mounted into it.',
			});
		}
		if (code === 'EACCES' || code === 'EPERM') {
			return new BackupError('ACCESS_DENIED', `The system does not allow the use of ${what}.`, {
				cause: error,
				hint: 'Give the user that n8n runs as the right to it (in a container usually uid 1000), or exclude it.',
			});
		}
		return new BackupError(role === 'source' ? 'SOURCE_FAILED' : 'TARGET_FAILED', `${what} cannot be used: ${code}.`, {
			cause: error,
			hint: 'Check the disk or the network share that it lies on; the system log may say more.',
		});
	}
}

type Stat = Walked['stat'];

function listed(name: string, { size, mtimeNs, ctimeNs, ino }: Stat): Listed {
	return {
		name,
		size: Number(size),
		version: `${mtimeNs}-${ctimeNs}-${ino}`,
		writtenVersion: String(mtimeNs),
		modified: mtimeNs,
		writtenAt: ctimeNs,
	};
}
