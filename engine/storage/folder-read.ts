import { constants } from 'node:fs';
import fs, { type FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';

import { BackupError, cancelled } from '../errors';
import { onAbort } from './abort';
import { folderError, systemCode } from './folder-errors';
import { lend } from './lent';
import { GRACE_MS, type StallWatch } from './stall';
import type { ReadOptions } from './storage';

const READ_BYTES = 256 * 1024;

/** A symbolic link is a pointer, never an object. O_NONBLOCK keeps a named pipe from holding up the open. */
export const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Opens a file, or a range of it, as a stream that reads 256 KiB at a time and only when asked.
 * @param what names the file in errors
 * @param watch for reads that do not come back
 * @throws system errors as they are (ENOENT also for what is not a plain file); the stream itself fails with BackupErrors
 */
export async function openFile(file: string, what: string, options: ReadOptions, watch: StallWatch): Promise<Readable> {
	const { handle, size } = await openPlainFile(file);
	try {
		const range = { start: options.start ?? 0, end: Math.min(options.end ?? size, size) };
		return new FileRead(handle, range, what, options, watch);
	} catch (error) {
		await handle.close();
		throw error;
	}
}

async function openPlainFile(file: string): Promise<{ handle: FileHandle; size: number }> {
	const handle = await openUnlessLink(file);
	const stats = await handle.stat();
	if (stats.isFile()) return { handle, size: stats.size };
	await handle.close();
	throw nothingThere();
}

async function openUnlessLink(file: string): Promise<FileHandle> {
	try {
		return await fs.open(file, READ_FLAGS);
	} catch (error) {
		throw orNothingThere(error);
	}
}

/** What an attempt to open with READ_FLAGS threw; where it met a symbolic link, that nothing is there. */
export function orNothingThere(error: unknown): unknown {
	return systemCode(error) === 'ELOOP' ? nothingThere() : error;
}

/** The system's error for a file that does not exist, for what is no plain file. */
export function nothingThere(): Error {
	return Object.assign(new Error('not a plain file'), { code: 'ENOENT' });
}

/** @param what names the file */
export function becameShorter(what: string): BackupError {
	return new BackupError('STORAGE_FAILED', `${what} became shorter while it was being read.`, {
		hint: 'Something other than this tool is changing the file. Stop it and try again.',
	});
}

class FileRead extends Readable {
	#position: number;
	/** Chunks that were given back. */
	readonly #spare: Buffer[] = [];
	readonly #end: number;
	#leaveSignal: () => void = () => {};

	constructor(
		private readonly handle: FileHandle,
		range: { start: number; end: number },
		private readonly what: string,
		private readonly options: Pick<ReadOptions, 'lends' | 'signal'>,
		private readonly watch: StallWatch,
	) {
		super({ highWaterMark: READ_BYTES });
		this.#position = range.start;
		this.#end = range.end;
		// Its reader meets its errors; one that comes before or after anybody reads must not end the process.
		this.on('error', () => {});
		this.#leaveSignal = onAbort(options.signal, () => this.destroy(cancelled()));
	}

	override _read(): void {
		const wanted = Math.min(READ_BYTES, this.#end - this.#position);
		if (wanted <= 0) {
			this.push(null);
			return;
		}
		const { watch, handle } = this;
		const { lends, signal } = this.options;
		const room = lends ? (this.#spare.pop() ?? Buffer.allocUnsafeSlow(READ_BYTES)) : Buffer.allocUnsafe(wanted);
		watch
			.supervise(() => watch.during(() => handle.read(room, 0, wanted, this.#position)), signal)
			.then(
				({ bytesRead }) => {
					const bytes = room.subarray(0, bytesRead);
					if (lends) lend(bytes, () => this.#spare.push(room));
					this.#handOn(bytes);
				},
				(error: unknown) => this.destroy(folderError(error, this.what)),
			);
	}

	override _destroy(error: Error | null, done: (error: Error | null) => void): void {
		this.#leaveSignal();
		// Closing waits for a read that is under way, which may hang; whoever reads is not to hang with it.
		let isDone = false;
		const end = () => {
			clearTimeout(timer);
			if (!isDone) done(error);
			isDone = true;
		};
		const timer = setTimeout(end, GRACE_MS);
		this.handle.close().then(end, end);
	}

	#handOn(bytes: Buffer): void {
		if (this.destroyed) return;
		if (bytes.length === 0) {
			this.destroy(becameShorter(this.what));
			return;
		}
		this.#position += bytes.length;
		this.push(bytes);
	}
}
