/**
 * How bytes reach the disk: small chunks are gathered in a buffer of 1 MiB and written when it is full, larger ones as they
 * are, so the disk sees few large writes. While one is written the next is fetched, and no more: that is the back-pressure,
 * and memory holds 2 MiB and one chunk, whatever the source hands out. A chunk is being written still when the next is asked
 * for, so the source must not change it unless it was lent and has come back. After each 64 MiB the data written so
 * far is flushed in the background while writing goes on, and the next flush waits for the one before. So the final
 * fsync has little left to do, a cancel never waits behind gigabytes of dirty pages, and the page cache (which counts
 * against a container's memory limit) is not flooded.
 *
 * A file is written under a partial name of its own beside its target, so what a killed writer has left keeps nobody from writing
 * it again. It is published by a hard link, which never overwrites: of two writers of one key, the first that is done wins. On file
 * systems without hard links it is renamed while a name is held that all writers of the key share, and the target is looked for
 * only then: that is as safe against other writers that keep this order.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import fs, { type FileHandle } from 'node:fs/promises';
import path from 'node:path';

import { throwIfCancelled } from '../errors';
import { untilAborted } from './chunks';
import { systemCode } from './folder-errors';
import { FILE_MODE, lstatOrNothing, syncFolder, type Place } from './folder-paths';
import { PARTIAL_SUFFIX } from './keys';
import { giveBack } from './lent';
import type { StallWatch } from './stall';

const GATHER_BYTES = 1024 * 1024;
const FLUSH_EVERY_BYTES = 64 * 1024 * 1024;

/** What link(2) answers on file systems that have no hard links (FAT, some network mounts). */
const NO_HARD_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];

/** And where the two names are on different disks, or the system protects other users' files from being linked. */
const CANNOT_LINK = [...NO_HARD_LINKS, 'EXDEV', 'EACCES'];

/** The names carry a random part, so that two may run at once: `.shop.json.0123456789ab~.partial`. The shared one does not. */
const PARTIAL_NAME = /^\.(.+?)(?:\.[0-9a-f]{12}~)?\.partial$/s;

/** The name that a partial file was meant for, or undefined where the file is none of ours. */
export function targetOfPartial(name: string): string | undefined {
	return PARTIAL_NAME.exec(name)?.[1];
}

export interface FileWrite {
	signal: AbortSignal;
	/** Called before the first byte and after every 64 MiB; throws when the disk has too little room left. */
	checkRoom: () => Promise<void>;
	/** Watches every call to the file system. */
	watch: StallWatch;
}

/**
 * Writes a stream to a new file, durable and visible when it resolves; what fails leaves nothing.
 * @throws system errors as they are (EEXIST where the file exists); BackupError CANCELLED
 */
export async function writeNewFile(place: Place, source: AsyncIterable<Uint8Array>, options: FileWrite): Promise<void> {
	const partial = partialName(place);
	const { signal, watch } = options;
	const handle = await watch.during(() => openPartial(partial));
	let stale = partial;
	try {
		try {
			if (await watch.during(() => lstatOrNothing(place.path))) throw exists();
			await writeChunks(handle, source, options);
			throwIfCancelled(signal);
			await watch.during(() => handle.sync());
			throwIfCancelled(signal);
		} finally {
			await watch.during(() => handle.close());
		}
		// Whoever was left behind by a share that hangs must not publish when it is back.
		throwIfCancelled(signal);
		await watch.during(() => publish(partial, place));
		stale = place.path;
		await watch.during(() => syncFolder(place.directory));
		throwIfCancelled(signal);
	} catch (error) {
		await watch.during(() => fs.rm(stale, { force: true }));
		throw error;
	}
}

/**
 * Gives a file a second name, durably; never overwrites. False where the file system cannot.
 * @throws system errors as they are (EEXIST where the name is taken)
 */
export async function linkFile(file: string, place: Place): Promise<boolean> {
	try {
		await fs.link(file, place.path);
	} catch (error) {
		if (CANNOT_LINK.includes(systemCode(error) ?? '')) return false;
		throw error;
	}
	await syncFolder(place.directory);
	return true;
}

/** Creates or atomically replaces a small file. */
export async function replaceFile(place: Place, content: Uint8Array): Promise<void> {
	const partial = partialName(place);
	try {
		const handle = await openPartial(partial);
		try {
			await writeFully(handle, content);
			await handle.sync();
		} finally {
			await handle.close();
		}
		await fs.rename(partial, place.path);
		await syncFolder(place.directory);
	} catch (error) {
		await fs.rm(partial, { force: true });
		throw error;
	}
}

/** Creates or atomically replaces a symbolic link. */
export async function replaceLink(place: Place, target: string): Promise<void> {
	const partial = partialName(place);
	try {
		await fs.symlink(target, partial);
		await fs.rename(partial, place.path);
		await syncFolder(place.directory);
	} catch (error) {
		await fs.rm(partial, { force: true });
		throw error;
	}
}

function partialName(place: Place): string {
	const unique = `${randomBytes(6).toString('hex')}~`;
	return path.join(place.directory, `.${place.name}.${unique}${PARTIAL_SUFFIX}`);
}

function openPartial(file: string): Promise<FileHandle> {
	const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
	return fs.open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, FILE_MODE);
}

async function publish(partial: string, place: Place): Promise<void> {
	try {
		await fs.link(partial, place.path);
	} catch (error) {
		if (!NO_HARD_LINKS.includes(systemCode(error) ?? '')) throw error;
		await publishByName(partial, place);
		return;
	}
	await fs.unlink(partial);
}

async function publishByName(partial: string, place: Place): Promise<void> {
	const shared = path.join(place.directory, `.${place.name}${PARTIAL_SUFFIX}`);
	await (await openPartial(shared)).close();
	try {
		if (await lstatOrNothing(place.path)) throw exists();
		await fs.rename(partial, place.path);
	} finally {
		await fs.rm(shared, { force: true });
	}
}

function exists(): Error {
	return Object.assign(new Error('file exists'), { code: 'EEXIST' });
}

async function writeChunks(handle: FileHandle, source: AsyncIterable<Uint8Array>, options: FileWrite): Promise<void> {
	// A source may be silent for an hour: what fails meanwhile is not to wait for its next chunk.
	const failing = new AbortController();
	const chunks = untilAborted(source, AbortSignal.any([options.signal, failing.signal]));
	const flusher = new Flusher(handle, options.checkRoom, options.watch);
	const blocks = new BlockWriter(handle, flusher, options.watch, () => failing.abort());
	const gathering = new Gathering();
	try {
		for await (const chunk of chunks) {
			if (chunk.length >= GATHER_BYTES) {
				if (!gathering.isEmpty) await blocks.write(gathering.take());
				await blocks.write(chunk);
				continue;
			}
			for (let rest = chunk; rest.length > 0;) {
				rest = gathering.add(rest);
				if (gathering.isFull) await blocks.write(gathering.take());
			}
			giveBack(chunk);
		}
		await blocks.write(gathering.take());
	} finally {
		await blocks.settled();
	}
}

/** Two buffers in turn: one is filled while the other is written. */
class Gathering {
	#filling = Buffer.allocUnsafeSlow(GATHER_BYTES);
	#other = Buffer.allocUnsafeSlow(GATHER_BYTES);
	#used = 0;

	get isEmpty(): boolean {
		return this.#used === 0;
	}

	get isFull(): boolean {
		return this.#used === this.#filling.length;
	}

	/** Copies as much as there is room for, and gives what is left. */
	add(chunk: Uint8Array): Uint8Array {
		const taken = chunk.subarray(0, this.#filling.length - this.#used);
		this.#filling.set(taken, this.#used);
		this.#used += taken.length;
		return chunk.subarray(taken.length);
	}

	/** What was gathered; it stays as it is until the one after it is taken. */
	take(): Uint8Array {
		const gathered = this.#filling.subarray(0, this.#used);
		[this.#filling, this.#other] = [this.#other, this.#filling];
		this.#used = 0;
		return gathered;
	}
}

/** Writes blocks in their order, one at a time, while the next is fetched. */
class BlockWriter {
	#writing: Promise<void> = Promise.resolve();

	constructor(
		private readonly handle: FileHandle,
		private readonly flusher: Flusher,
		private readonly watch: StallWatch,
		private readonly onFailure: () => void,
	) {}

	/** Resolves when the block before it is written: this one must not change until the next has been taken. */
	async write(block: Uint8Array): Promise<void> {
		await this.#writing;
		this.#writing = this.#write(block);
		// The failure itself is thrown by the next wait for it.
		this.#writing.catch(this.onFailure);
	}

	async #write(block: Uint8Array): Promise<void> {
		await this.watch.during(() => writeFully(this.handle, block));
		const { length } = block;
		giveBack(block);
		await this.flusher.wrote(length);
	}

	/** Resolves when nothing is being written or flushed any more; rejects where that failed. */
	async settled(): Promise<void> {
		await this.#writing.finally(() => this.flusher.settled());
	}
}

/** Flushes what was written in the background, one flush at a time. */
class Flusher {
	#unflushed = 0;
	#running: Promise<unknown> = Promise.resolve();

	constructor(
		private readonly handle: FileHandle,
		private readonly checkRoom: () => Promise<void>,
		private readonly watch: StallWatch,
	) {}

	async wrote(bytes: number): Promise<void> {
		this.#unflushed += bytes;
		if (this.#unflushed < FLUSH_EVERY_BYTES) return;
		this.#unflushed = 0;
		await this.#running;
		await this.checkRoom();
		this.#running = this.watch.during(() => this.handle.datasync());
		// A failed flush is thrown by the next wait for it; until then it must not count as unhandled.
		this.#running.catch(() => {});
	}

	settled(): Promise<unknown> {
		return this.#running;
	}
}

/** write(2) may take less than it was given, for one just before a disk is full. */
async function writeFully(handle: FileHandle, bytes: Uint8Array): Promise<void> {
	let written = 0;
	while (written < bytes.length) {
		const { bytesWritten } = await handle.write(bytes, written, bytes.length - written);
		written += bytesWritten;
	}
}
