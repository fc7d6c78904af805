/** How files of a folder are looked at and read for a mirror. */
import { constants, type BigIntStats } from 'node:fs';
import * as fs from 'node:fs/promises';

import { lookup } from 'mime-types';

import { BackupError, throwIfCancelled } from '../../errors';
import { giveBack } from '../../storage/lent';
import {
	Disk,
	folderOf,
	isErrno,
	isStill,
	readState,
	stateOf,
	type FileStat,
	type HeldFolders,
} from '../../tree/folder';
import type { ObjectAttributes } from '../client/attributes';
import { ObjectChanged, type Listed, type OpenObject } from './place';

export const CHUNK_BYTES = 1024 * 1024;
/** Files up to this size go through a thread that does all calls of many of them at once; so do those that are written. */
export const SMALL_BYTES = 64 * 1024;

export class FolderObjects {
	#disk: Disk | undefined;

	/** @param explained gives what the file system answered as an error that says what to do */
	constructor(
		private readonly root: Buffer,
		private readonly folders: HeldFolders,
		private readonly explained: (error: unknown, name: string) => unknown,
	) {}

	/** A file that no link leads to. */
	async look(name: string): Promise<Listed | undefined> {
		try {
			const stat = await this.lstat(name);
			return stat.isFile() ? listed(name, stat) : undefined;
		} catch (error) {
			if (isErrno(error) && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return undefined;
			throw this.explained(error, name);
		}
	}

	/** @throws what the file system answers */
	async lstat(name: string): Promise<BigIntStats> {
		return await this.folders.hold(folderOf(name), (folder) => fs.lstat(folder.at(name), { bigint: true }));
	}

	/** Undefined where it is not there, or not any more. @throws BackupError */
	async open(object: Listed, signal: AbortSignal): Promise<OpenObject | undefined> {
		const whole = object.size <= SMALL_BYTES ? await this.#openWhole(object, signal) : undefined;
		return whole ?? (await this.#openHandle(object, signal));
	}

	/** The thread ends, and is started again where it is wanted again. */
	close(): void {
		this.#disk?.close();
		this.#disk = undefined;
	}

	/** A small file, read already; undefined where that did not give what was listed, and it is to be looked at more closely. */
	async #openWhole({ name, size, version }: Listed, signal: AbortSignal): Promise<OpenObject | undefined> {
		this.#disk ??= new Disk(this.root);
		const readFrom = Date.now();
		try {
			const { content, stat } = await this.#disk.read(name, size, signal);
			const isAsListed = stat.isFile() && stateOf(stat) === version && content.length === size;
			if (!isAsListed) {
				giveBack(content);
				return undefined;
			}
			return {
				facts: read(name, stat, readFrom),
				attributes: attributesOf(name),
				bytes: only(content),
				confirm: () => Promise.resolve(),
				close: () => Promise.resolve(giveBack(content)),
			};
		} catch (error) {
			if (error instanceof BackupError) throw error;
			return undefined;
		}
	}

	async #openHandle({ name }: Listed, signal: AbortSignal): Promise<OpenObject | undefined> {
		const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
		let handle: fs.FileHandle;
		try {
			handle = await this.folders.hold(folderOf(name), (folder) => fs.open(folder.at(name), flags));
		} catch (error) {
			if (isErrno(error) && ['ENOENT', 'ELOOP', 'ENOTDIR', 'ENXIO'].includes(error.code ?? '')) return undefined;
			throw this.explained(error, name);
		}
		let facts: Listed | undefined;
		try {
			const readFrom = Date.now();
			const stat = await handle.stat({ bigint: true });
			// Where no folders can be held, one above it may have become a link to another place since it was looked at.
			const there = stat.isFile() ? await this.look(name) : undefined;
			if (there?.version === stateOf(stat)) facts = read(name, stat, readFrom);
		} finally {
			if (!facts) await handle.close();
		}
		return facts && this.#opened(handle, facts, signal);
	}

	#opened(handle: fs.FileHandle, facts: Listed, signal: AbortSignal): OpenObject {
		return {
			facts,
			attributes: attributesOf(facts.name),
			bytes: this.#bytesOf(handle, facts, { start: 0, end: facts.size }, signal),
			ranges: {
				md5: undefined,
				read: (start, end) => this.#bytesOf(handle, facts, { start, end }, signal),
			},
			confirm: async () => {
				if (!isStill(await handle.stat({ bigint: true }), facts.version)) throw new ObjectChanged();
			},
			close: async () => await handle.close(),
		};
	}

	/** A range of bytes. What was written behind it since shows when the file is confirmed. */
	async *#bytesOf(
		handle: fs.FileHandle,
		{ name }: Listed,
		{ start, end }: { start: number; end: number },
		signal: AbortSignal,
	): AsyncGenerator<Uint8Array> {
		for (let position = start; position < end;) {
			throwIfCancelled(signal);
			const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - position));
			const { bytesRead } = await handle.read(buffer, 0, buffer.length, position).catch((error: unknown) => {
				throw this.explained(error, name);
			});
			if (bytesRead === 0) throw new ObjectChanged();
			position += bytesRead;
			yield buffer.subarray(0, bytesRead);
		}
	}
}

/**
 * A folder keeps no content type, and a server takes an object without one for bytes that a browser can only download. Other tools
 * go by the extension as well. Nothing is said of text's charset: nobody knows it.
 */
function attributesOf(name: string): ObjectAttributes {
	const contentType = lookup(name);
	return contentType ? { contentType } : {};
}

export function listed(name: string, stat: FileStat): Listed {
	const { size, mtimeNs, ctimeNs } = stat;
	return {
		name,
		size: Number(size),
		version: stateOf(stat),
		writtenVersion: String(mtimeNs),
		modified: mtimeNs,
		writtenAt: ctimeNs,
	};
}

/** What is too new is recorded as what it will not be the next time, and copied once more. */
function read(name: string, stat: FileStat, readFrom: number): Listed {
	return { ...listed(name, stat), version: readState(stat, readFrom) };
}

async function* only(content: Uint8Array): AsyncGenerator<Uint8Array> {
	yield await Promise.resolve(content);
}
