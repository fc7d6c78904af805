import fs from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

import { BackupError, throwIfCancelled } from '../errors';
import { inParallel } from '../parallel';
import { closeSource } from './chunks';
import { folderError, systemCode } from './folder-errors';
import { freeBytesAt, isNothingThere, locate, lstatOrNothing, roomAt, syncFolder, type Place } from './folder-paths';
import { appendLine } from './folder-append';
import type { StorageFeatures } from './features';
import { featuresOf } from './folder-features';
import { openFile } from './folder-read';
import { SmallFiles } from './folder-small';
import { walk, type FoundFile } from './folder-walk';
import { linkFile, replaceFile, replaceLink, targetOfPartial, writeNewFile } from './folder-write';
import {
	assertKey,
	assertObjectKey,
	assertPointer,
	assertPointerKey,
	assertPrefix,
	folderOf,
	isObjectKey,
	mayLieBetween,
	nameOf,
	partKeys,
} from './keys';
import { formatPointer, MAX_POINTER_BYTES, parsePointer, targetBeside } from './pointer';
import { type OnNotice, StallWatch } from './stall';
import type {
	ListOptions,
	ReadOptions,
	RemovalFailure,
	Rotation,
	SmallReader,
	Storage,
	StoredObject,
	WriteOptions,
	WrittenObject,
} from './storage';

export interface FolderStorageOptions {
	/** Absolute path of the folder; created (0700) by the first write. It may itself be a symbolic link. */
	root: string;
	/** For messages and manifests; by default the folder's name. */
	description?: string;
	/** Bytes to leave free on the disk: a write that would go below ends with STORAGE_FULL. Default 0. */
	reserveBytes?: number;
	/** Gets whole sentences, without secrets, while the disk or network share does not answer. */
	onNotice?: OnNotice;
	/** How long it may not answer. Default ten minutes. */
	stallMs?: number;
	/** Fires when the run that uses the storage is cancelled: what hangs then is left behind. */
	runSignal?: AbortSignal | undefined;
}

/** Files that are removed at once. */
const REMOVALS = 8;

/** What symlink(2) answers on file systems that have no symbolic links. */
const NO_SYMLINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

/**
 * Archives in a folder: plain files, readable by their owner only. Keys become paths in folder-paths.ts, which never leaves the
 * root; bytes move in folder-write.ts and folder-read.ts. Every call to the file system is watched (stall.ts), so that a
 * network share that does not answer holds up neither a cancel nor the error.
 */
export class FolderStorage implements Storage {
	readonly description: string;
	readonly #root: string;
	readonly #reserveBytes: number;
	readonly #onNotice: OnNotice | undefined;
	readonly #stallMs: number | undefined;
	readonly #runSignal: AbortSignal | undefined;

	/** @throws BackupError INVALID_INPUT where the root is not an absolute path */
	constructor(options: FolderStorageOptions) {
		if (!path.isAbsolute(options.root) || options.root.includes('\0')) {
			throw new BackupError(
				'INVALID_INPUT',
				`The storage folder ${JSON.stringify(options.root)} is not an absolute path.`,
				{
					hint: 'Give the whole path, beginning with a slash, such as /home/node/.n8n-files/backups.',
				},
			);
		}
		this.#root = path.resolve(options.root);
		this.#reserveBytes = options.reserveBytes ?? 0;
		this.#onNotice = options.onNotice;
		this.#stallMs = options.stallMs;
		this.#runSignal = options.runSignal;
		this.description = options.description ?? `folder ${path.basename(this.#root) || this.#root}`;
	}

	/** The folder, as it was given: absolute, links not followed. */
	get root(): string {
		return this.#root;
	}

	async write(key: string, source: AsyncIterable<Uint8Array>, options: WriteOptions = {}): Promise<WrittenObject> {
		try {
			assertObjectKey(key);
			return await this.#explained(key, () => this.#write(key, source, options), { isSupervised: false });
		} catch (error) {
			closeSource(source);
			throw error;
		}
	}

	async #write(key: string, source: AsyncIterable<Uint8Array>, options: WriteOptions): Promise<WrittenObject> {
		throwIfCancelled(options.signal);
		const watch = this.#watch();
		return await watch.supervise(async (signal) => {
			const place = await watch.during(() => locate(this.#root, key, true));
			const checkRoom = (bytes: number) => watch.during(() => this.#checkRoom(place, key, bytes));
			await checkRoom(options.expectedSize ?? 0);
			await writeNewFile(place, source, { signal, checkRoom: () => checkRoom(0), watch });
			const { size, mtime } = await watch.during(() => fs.lstat(place.path));
			return { key, size, modifiedAt: mtime, isOnlyOurs: true };
		}, options.signal);
	}

	async copy(
		fromKey: string,
		toKey: string,
		options: { signal?: AbortSignal } = {},
	): Promise<StoredObject | undefined> {
		assertObjectKey(fromKey);
		assertObjectKey(toKey);
		throwIfCancelled(options.signal);
		const source = await this.#explained(fromKey, async () => {
			const place = await locate(this.#root, fromKey, false);
			// Symbolic links are pointers, never objects.
			if ((await fs.lstat(place.path)).isFile()) return place.path;
			throw Object.assign(new Error('not a plain file'), { code: 'ENOENT' });
		});
		return await this.#explained(toKey, async () => {
			const place = await locate(this.#root, toKey, true);
			if (!(await linkFile(source, place))) return undefined;
			const { size, mtime } = await fs.lstat(place.path);
			return { key: toKey, size, modifiedAt: mtime };
		});
	}

	async replace(key: string, content: Uint8Array, options: { signal?: AbortSignal } = {}): Promise<void> {
		assertObjectKey(key);
		throwIfCancelled(options.signal);
		await this.#explained(key, async () => await replaceFile(await locate(this.#root, key, true), content));
	}

	async read(key: string, options: ReadOptions = {}): Promise<Readable> {
		assertObjectKey(key);
		throwIfCancelled(options.signal);
		return await this.#explained(key, async () => {
			const place = await locate(this.#root, key, false);
			return await openFile(place.path, this.#what(key), options, this.#watch());
		});
	}

	smallReader(): SmallReader {
		const files = new SmallFiles(this.#root);
		return async (key, signal) => {
			assertObjectKey(key);
			throwIfCancelled(signal);
			// A watch for each of a hundred thousand files would take as long as reading them; their listing is watched.
			const read = () => files.read(key, this.#what(key));
			return await this.#explained(key, read, { isSupervised: false });
		};
	}

	async stat(key: string): Promise<StoredObject | undefined> {
		assertObjectKey(key);
		const stats = await this.#ifThere(key, (place) => lstatOrNothing(place.path));
		return stats?.isFile() ? { key, size: stats.size, modifiedAt: stats.mtime } : undefined;
	}

	async *list(prefix: string, options: ListOptions = {}): AsyncGenerator<StoredObject, void, undefined> {
		assertPrefix(prefix);
		for await (const batch of this.#walk(prefix, options)) {
			for (const { key, size, modifiedAt, isLink, sharedAs } of batch) {
				if (isLink || !isObjectKey(key)) continue;
				yield sharedAs === undefined ? { key, size, modifiedAt } : { key, size, modifiedAt, sharedAs };
			}
		}
	}

	async remove(key: string): Promise<void> {
		assertKey(key);
		await this.#ifThere(key, async (place) => {
			const stats = await lstatOrNothing(place.path);
			if (stats?.isFile() || stats?.isSymbolicLink()) await fs.rm(place.path, { force: true });
		});
	}

	async removeMany(keys: readonly string[], signal?: AbortSignal): Promise<RemovalFailure[]> {
		const { allowed, failures } = partKeys(keys);
		const note = (error: unknown, some: readonly string[]) => {
			if (!(error instanceof BackupError)) throw error;
			if (error.code === 'CANCELLED' || error.code === 'STORAGE_UNREACHABLE') throw error;
			failures.push(...some.map((key) => ({ key, error })));
		};
		const removed = new Map<string, string[]>();
		await inParallel(allowed, REMOVALS, async (key) => {
			throwIfCancelled(signal);
			await this.remove(key).then(
				() => {
					const some = removed.get(folderOf(key));
					if (some) some.push(key);
					else removed.set(folderOf(key), [key]);
				},
				(error: unknown) => note(error, [key]),
			);
		});
		for (const some of removed.values()) {
			const syncing = this.#ifThere(some[0]!, ({ directory }) => syncFolder(directory));
			await syncing.catch((error: unknown) => note(error, some));
		}
		return failures;
	}

	async setLatest(pointerKey: string, targetKey: string): Promise<void> {
		assertPointer(pointerKey, targetKey);
		await this.#explained(pointerKey, async () => {
			const place = await locate(this.#root, pointerKey, true);
			try {
				await replaceLink(place, nameOf(targetKey));
			} catch (error) {
				if (!NO_SYMLINKS.includes(systemCode(error) ?? '')) throw error;
				await replaceFile(place, Buffer.from(formatPointer(targetKey, new Date())));
			}
		});
	}

	async readLatest(pointerKey: string): Promise<string | undefined> {
		assertPointerKey(pointerKey);
		return await this.#ifThere(pointerKey, async (place) => {
			const stats = await lstatOrNothing(place.path);
			if (stats?.isSymbolicLink()) return targetBeside(pointerKey, await fs.readlink(place.path));
			if (stats?.isFile()) return parsePointer(pointerKey, await this.#pointerText(place, pointerKey));
			return undefined;
		});
	}

	async #pointerText(place: Place, key: string): Promise<string> {
		const range = { end: MAX_POINTER_BYTES };
		return await text(await openFile(place.path, this.#what(key), range, this.#watch()));
	}

	async freeBytes(): Promise<number> {
		return await this.#explained('', () => freeBytesAt(this.#root));
	}

	async totalBytes(): Promise<number> {
		return await this.#explained('', async () => (await roomAt(this.#root)).totalBytes);
	}

	async features(scratch: string): Promise<StorageFeatures> {
		assertObjectKey(scratch);
		const before = await this.#explained('', () => featuresOf(this.#root));
		const [lower, upper, copied] = [`${scratch}-case`, `${scratch}-CASE`, `${scratch}-copy`];
		try {
			await this.replace(lower, Buffer.from('Written to find out what this folder can do; may be deleted.\n'));
			const caseSensitive = (await this.stat(upper)) === undefined;
			return { ...before, caseSensitive, copies: (await this.copy(lower, copied)) !== undefined };
		} finally {
			for (const key of [lower, copied]) await this.remove(key).catch(() => {});
		}
	}

	async sweep(
		olderThan: Date,
		signal?: AbortSignal,
		isWanted: (key: string) => boolean = () => true,
	): Promise<string[]> {
		const swept: string[] = [];
		for await (const batch of this.#walk('')) {
			throwIfCancelled(signal);
			for (const file of batch) {
				const target = targetOfPartial(nameOf(file.key));
				if (target === undefined || file.modifiedAt >= olderThan) continue;
				const key = folderOf(file.key) + target;
				if (!isWanted(key)) continue;
				await this.#explained(file.key, () => fs.rm(file.path, { force: true }));
				swept.push(key);
			}
		}
		return swept;
	}

	async appendLine(key: string, line: string, rotation: Rotation): Promise<void> {
		assertObjectKey(key);
		await this.#explained(key, async () => await appendLine(await locate(this.#root, key, true), line, rotation));
	}

	async *#walk(prefix: string, { without, ...range }: ListOptions = {}): AsyncGenerator<FoundFile[], void, undefined> {
		const folderKey = folderOf(prefix);
		const place = await this.#ifThere(folderKey, (found) => Promise.resolve(found));
		if (!place) return;
		const isWanted = (key: string) =>
			key.startsWith(prefix) && !(without && key.startsWith(without)) && mayLieBetween(key, range);
		const batches = walk(place.directory, folderKey, isWanted);
		let isHanging = false;
		try {
			for (;;) {
				isHanging = true;
				const { done, value } = await this.#explained(prefix, () => batches.next());
				isHanging = false;
				if (done) return;
				yield value;
			}
		} finally {
			const closing = batches.return().catch(() => {});
			if (!isHanging) await closing;
		}
	}

	/** Runs the action where the key's folder exists; undefined where it, or what the action looks for, does not. */
	async #ifThere<T>(key: string, action: (place: Place) => Promise<T>): Promise<T | undefined> {
		return await this.#explained(key, async () => {
			try {
				return await action(await locate(this.#root, key, false));
			} catch (error) {
				// What has a name that is too long for the file system cannot be there.
				if (isNothingThere(error) || systemCode(error) === 'ENAMETOOLONG') return undefined;
				throw error;
			}
		});
	}

	async #checkRoom(place: Place, key: string, neededBytes: number): Promise<void> {
		const freeBytes = await freeBytesAt(place.directory);
		if (freeBytes >= neededBytes + this.#reserveBytes) return;
		throw new BackupError(
			'STORAGE_FULL',
			`There is too little room for ${this.#what(key)}: ${freeBytes} bytes are free.`,
			{
				hint: 'Free some space, prune old backups, or choose a folder on a larger disk.',
				details: { freeBytes, neededBytes, reserveBytes: this.#reserveBytes },
			},
		);
	}

	#watch(): StallWatch {
		return new StallWatch(this.description, this.#onNotice, this.#stallMs);
	}

	async #explained<T>(key: string, action: () => Promise<T>, { isSupervised = true } = {}): Promise<T> {
		try {
			if (!isSupervised) return await action();
			const watch = this.#watch();
			return await watch.supervise(() => watch.during(action), this.#runSignal);
		} catch (error) {
			const explained = folderError(error, this.#what(key));
			if (explained.code !== 'STORAGE_FULL' || explained.details) throw explained;
			const freeBytes = await freeBytesAt(this.#root).catch(() => undefined);
			throw folderError(error, this.#what(key), { freeBytes });
		}
	}

	#what(key: string): string {
		return key ? `${key} in ${this.description}` : this.description;
	}
}
