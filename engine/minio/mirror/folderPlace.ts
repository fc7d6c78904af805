/** A folder as an end of a mirror: its files, without links, sockets and devices. */
import * as fs from 'node:fs/promises';

import { BackupError } from '../../errors';
import { bytesOf, shownName } from '../../tree';
import {
	ExactNames,
	folderOf,
	HeldFolders,
	isErrno,
	isForbidden,
	isPartial,
	isStalePartial,
	targetError,
	walk,
	type ForbiddenPaths,
	type Walked,
} from '../../tree/folder';
import { confirmed } from './confirmed';
import { folderError, folderStands, nameNotTaken, placeTaken } from './folderErrors';
import { CHUNK_BYTES, FolderObjects, listed } from './folderObjects';
import { folderOwnFiles } from './folderOwnFiles';
import { FolderWriter, type FolderWriteOptions } from './folderWriter';
import type { Listed, OpenObject, OwnFiles, Place, WriteOptions } from './place';
import { isReserved } from './reserved';

export interface FolderPlaceOptions {
	/** Absolute. */
	root: string;
	/** A target is made where it does not exist; a source has to be there. */
	role: 'source' | 'target';
	/** What is neither read nor written, and told. */
	forbidden?: ForbiddenPaths | undefined;
}

/** Files that are listed together. */
const PAGE = 128;
const LONGEST_PART = 255;
/** Of a large file on its way: the pieces that are gathered and written, and as much again that was freed and not given back yet. */
const LARGE_BYTES = 8 * CHUNK_BYTES;
/** Times are set in floating-point seconds. */
const TIME_TOLERANCE = 2000n;
/** A time of an object store has no parts of a second; as long after it, no other object can have the same one. */
const SAFE_AGE = 2_000_000_000n;

export class FolderPlace implements Place {
	readonly description: string;
	/** Absolute, as it was given. */
	readonly root: string;
	readonly server = undefined;
	readonly identity: string;
	readonly own: OwnFiles;
	readonly #options: FolderPlaceOptions;
	readonly #root: Buffer;
	readonly #folders: HeldFolders;
	readonly #objects: FolderObjects;
	#writer: FolderWriter | undefined;
	readonly #exact: ExactNames;
	#refused: { id: string; error: BackupError } | undefined;
	#others = 0;
	#other = '';
	#kept = 0;
	#keptFirst = '';

	constructor(options: FolderPlaceOptions) {
		this.#options = options;
		this.root = options.root;
		this.#root = Buffer.from(options.root);
		this.description = `folder ${options.root}`;
		this.identity = `${options.root.replace(/\/+$/, '')}/`;
		this.#folders = new HeldFolders(this.#root);
		this.#exact = new ExactNames(this.#folders);
		this.#objects = new FolderObjects(this.#root, this.#folders, (error, name) => this.#error(error, name));
		this.own = folderOwnFiles({
			root: this.#root,
			folders: this.#folders,
			isThere: async (name) => (await this.ask(name)) !== undefined,
			write: async (file, bytes, isNew, signal) => void (await this.#write(file, bytes, { isNew, signal })),
			explained: (error, name) => this.#error(error, name),
		});
	}

	async *list(signal: AbortSignal): AsyncGenerator<Iterable<Listed>> {
		const { root, role } = this.#options;
		const top = await fs.lstat(root).catch((error: unknown) => {
			if (isErrno(error) && error.code === 'ENOENT' && role === 'target') return undefined;
			throw this.#error(error, '');
		});
		if (!top) return;
		if (!top.isDirectory()) {
			throw new BackupError('INVALID_INPUT', `${root} is not a folder.`, { hint: 'Give the path of a folder.' });
		}
		this.#others = this.#kept = 0;
		const options = {
			root: this.#root,
			isExcluded: (name: string) => isReserved(name) || this.#isKept(name),
			oneFileSystem: false,
			onUnreadable: (name: string, error: NodeJS.ErrnoException) => {
				throw this.#error(error, name);
			},
			signal,
		};
		let page: Listed[] = [];
		for await (const walked of walk(options)) {
			const { name, stat } = walked;
			if (this.#refused && stat.isDirectory() && folderId(stat) === this.#refused.id) throw this.#refused.error;
			if (isPartial(name)) await this.#clear(walked);
			else if (stat.isFile()) page.push(listed(name, stat));
			else if (!stat.isDirectory()) {
				this.#others++;
				this.#other ||= shownName(name);
			}
			if (page.length < PAGE) continue;
			yield page;
			page = [];
		}
		yield page;
	}

	/** Ends a listing that comes upon a folder. @param id as folderId gives it */
	refuseBelow(id: string, error: BackupError): void {
		this.#refused = { id, error };
	}

	leavesOut(name: string): boolean {
		return this.#isForbidden(name);
	}

	/** An empty object whose key ends with a slash is what consoles of object stores make of a folder. */
	implies({ name, size }: Listed): boolean {
		return size === 0 && name.endsWith('/');
	}

	refuses(name: string, below?: string): string | undefined {
		if (this.#isForbidden(name)) return 'is one that must not be written';
		if (below !== undefined) return `lies below another object, ${shownName(below)}, which is a file here`;
		if (isPartial(name)) return 'is one that only files have that are being written';
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
		if (this.#options.role === 'source') await this.#assertThere();
		// As it is now: by this it is told whether a copy may go.
		this.#folders.forget();
		const found = await this.#objects.look(name);
		return found && (await this.#isListed(name)) ? found : undefined;
	}

	/** What answers to the name may be another entry: see ExactNames. */
	async #isListed(name: string): Promise<boolean> {
		try {
			return await this.#exact.isListed(name);
		} catch (error) {
			if (isErrno(error) && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return false;
			throw this.#error(error, name);
		}
	}

	/** That it can be listed; not all of its names are read, of which there may be a million. */
	async #assertThere(): Promise<void> {
		try {
			const folder = await fs.opendir(this.#root);
			await folder.read().finally(async () => await folder.close());
		} catch (error) {
			throw this.#error(error, '');
		}
	}

	async open(object: Listed, signal: AbortSignal): Promise<OpenObject | undefined> {
		return await this.#objects.open(object, signal);
	}

	async write(object: OpenObject, { isNew, signal, onRead }: WriteOptions): Promise<string> {
		const { facts, bytes } = object;
		try {
			return String(await this.#write(facts, confirmed(object, bytes), { isNew, signal, onRead }));
		} catch (error) {
			const isTaken = isNew && error instanceof BackupError && error.code === 'TARGET_EXISTS';
			if (isTaken) throw await this.#whyTaken(facts.name, error);
			throw error instanceof BackupError && error.code === 'INVALID_INPUT' ? nameNotTaken(error) : error;
		}
	}

	/** A folder may be one that goes when what is in it is removed, so it keeps nothing else from being done. */
	async #whyTaken(name: string, cause: BackupError): Promise<BackupError> {
		const found = await this.#objects.lstat(name).catch(() => undefined);
		const isFolder = found?.isDirectory() && (await this.#isListed(name));
		return isFolder ? folderStands(name, cause) : placeTaken(name, cause);
	}

	memoryFor(size: number): number {
		return Math.min(size, LARGE_BYTES);
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
		await this.#opened().move(name, to);
		await this.#clearFolders(name);
	}

	async remove(name: string): Promise<void> {
		if (!(await this.ask(name))) return;
		try {
			await this.#remove(name);
		} catch (error) {
			throw this.#error(error, name);
		}
		await this.#clearFolders(name);
	}

	warnings(): string[] {
		const { role, forbidden } = this.#options;
		const them = this.#others === 1 ? 'link, socket or device was' : 'links, sockets and devices were';
		const entries = this.#kept === 1 ? 'entry was' : 'entries were';
		return [
			...(this.#others === 0
				? []
				: [`${this.#others} ${them} left out: only files are mirrored. The first: ${this.#other}.`]),
			// What the target must not hold is told of where the source has it.
			...(this.#kept === 0 || role === 'target'
				? []
				: [`${this.#kept} ${entries} left out. The first: ${this.#keptFirst}. ${forbidden?.because}`]),
		];
	}

	close(): void {
		this.#objects.close();
		void this.#writer?.close();
		this.#writer = undefined;
		this.#folders.close();
	}

	async #remove(name: string): Promise<void> {
		await this.#folders.hold(folderOf(name), (folder) => fs.rm(folder.at(name), { force: true }));
	}

	/** @returns when the file was modified, as the file system has it */
	async #write(
		file: Pick<Listed, 'name' | 'size' | 'modified'>,
		bytes: AsyncIterable<Uint8Array>,
		options: FolderWriteOptions,
	): Promise<bigint> {
		const writer = this.#opened();
		await writer.prepare();
		if (options.isNew && !(await this.#makeFolders(file.name))) throw placeTaken(file.name);
		return await writer.write(file, bytes, options);
	}

	#opened(): FolderWriter {
		this.#writer ??= new FolderWriter(this.#options.root);
		return this.#writer;
	}

	async #makeFolders(name: string): Promise<boolean> {
		try {
			return await this.#exact.makeFolders(name);
		} catch (error) {
			throw isErrno(error) ? targetError(error, shownName(name)) : error;
		}
	}

	/** Folders that hold nothing any more: object stores have none. */
	async #clearFolders(name: string): Promise<void> {
		let above = folderOf(name);
		try {
			for (; above !== ''; above = folderOf(above)) {
				await this.#folders.hold(folderOf(above), (folder) => fs.rmdir(folder.at(above)));
			}
		} catch {
			// Something is in it, as a rule.
		}
		this.#exact.forget();
		this.#folders.forget();
		if (above !== folderOf(name)) this.#writer?.forget();
	}

	async #clear({ name, stat }: Walked): Promise<void> {
		if (this.#options.role === 'source' || !isStalePartial(stat)) return;
		await this.#remove(name);
	}

	/** The same as isForbidden, counted. */
	#isKept(name: string): boolean {
		if (!this.#isForbidden(name)) return false;
		this.#kept++;
		this.#keptFirst ||= shownName(name);
		return true;
	}

	#isForbidden(name: string): boolean {
		return isForbidden(this.#options.forbidden, this.#options.root, name);
	}

	#error(error: unknown, name: string): unknown {
		return folderError(error, this.#options, name);
	}
}

/** What a folder is, under whatever name; undefined where the file system does not tell. */
export function folderId({ dev, ino }: { dev: bigint; ino: bigint }): string | undefined {
	return ino === 0n ? undefined : `${dev}-${ino}`;
}
