/**
 * The tar that a data directory is handed over in: for a server on another machine, or for a user that n8n cannot give files to. It is put together
 * beside it as in a folder, then written in one stream, each file going away as soon as it is in the tar, so little more room is needed than for the
 * one or the other. Its name is given when all of it is on the disk. `PG_VERSION` is its last member, so an unpacking that breaks off starts nowhere either.
 */
import { lstat, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { createCompressor, resolveCodec, type CodecName } from '../../../archive/codec';
import { BackupError, cancelled, throwIfCancelled } from '../../../errors';
import { lstatOrNothing, syncFolder } from '../../../storage/folder-paths';
import { memberHeader, tarEnd, tarPadding } from '../../../tar';
import { nameOnly, targetError } from '../../../tree/folder';
import { DIRECTORY_MODE, FILE_MODE, type DraftFolder } from './draftFolder';
import { writeAt } from './incrementalFile';
import { assertAbsolute, assertOutsideOfData, assertRoom } from './placeChecks';
import { failed, type Owner } from './targetFolder';
import { leftoversIn, removeLeftovers, VERSION_FILE, WorkFolder } from './workFolder';

/** By the end of the name, as everybody calls them. */
const CODECS: readonly (readonly [end: string, codec: CodecName])[] = [
	['.tar', 'none'],
	['.tar.gz', 'gzip'],
	['.tgz', 'gzip'],
	['.tar.zst', 'zstd'],
];
const CHUNK_BYTES = 1024 * 1024;

export interface TargetTarOptions {
	/** Absolute; nothing has this name yet. It ends with .tar, .tar.gz, .tgz or .tar.zst. */
	file: string;
	/** Whom the members belong to; by default who runs this. */
	owner?: Owner | undefined;
	signal?: AbortSignal | undefined;
}

/**
 * Whether a tar may come to be there.
 * @param bytes that the data directory takes, as far as is known
 * @throws BackupError INVALID_INPUT, TARGET_EXISTS, ACCESS_DENIED, TARGET_FAILED (no room)
 */
export async function assertTarUsable({ file }: TargetTarOptions, bytes: number): Promise<void> {
	assertAbsolute(file);
	codecOf(file);
	try {
		await assertOutsideOfData(file);
		if (await lstatOrNothing(file)) throw standsThere(file);
		await assertRoom(path.dirname(file), bytes);
	} catch (error) {
		throw targetError(error, file);
	}
}

/**
 * Writes a data directory into a new tar.
 * @param fill as fillFolder has it
 * @returns its bytes
 * @throws BackupError as assertTarUsable does, CANCELLED, what `fill` throws; nothing is left of it then
 */
export async function fillTar(
	options: TargetTarOptions,
	bytes: number,
	fill: (folder: string) => Promise<DraftFolder>,
): Promise<number> {
	const { file, signal } = options;
	throwIfCancelled(signal);
	await assertTarUsable(options, bytes);
	const parent = path.dirname(file);
	let work: WorkFolder | undefined;
	try {
		await mkdir(parent, { recursive: true });
		// What moves up is never a tar's: such a folder is that of a data directory, which others may look after.
		await removeLeftovers((await leftoversIn(parent)).filter(({ moved }) => moved.length === 0));
		work = await WorkFolder.make(parent);
		const draft = await fill(work.path);
		const partial = path.join(work.path, 'tar');
		await write(partial, draft.path, options);
		const { size } = await stat(partial);
		throwIfCancelled(signal);
		await nameOnly(Buffer.from(partial), Buffer.from(file)).catch((error: unknown) => {
			throw (error as NodeJS.ErrnoException).code === 'EEXIST' ? standsThere(file) : error;
		});
		await syncFolder(parent);
		await work.remove();
		return size;
	} catch (error) {
		await work?.remove();
		if (signal?.aborted) throw cancelled();
		throw failed(file, error);
	}
}

async function write(partial: string, draft: string, { file, owner, signal }: TargetTarOptions): Promise<void> {
	const compressor = createCompressor(resolveCodec({ name: codecOf(file) }));
	const handle = await open(partial, 'wx', FILE_MODE);
	try {
		const source = Readable.from(tarOf(draft, owner), { objectMode: false, highWaterMark: CHUNK_BYTES });
		const sink = async (chunks: AsyncIterable<Uint8Array>) => {
			let position = 0;
			for await (const chunk of chunks) {
				await writeAt(handle, chunk, position);
				position += chunk.length;
			}
		};
		const options = { ...(signal && { signal }) };
		await (compressor ? pipeline(source, compressor, sink, options) : pipeline(source, sink, options));
		await handle.sync();
	} finally {
		await handle.close();
	}
}

/** What is in the tar goes away. */
async function* tarOf(draft: string, owner: Owner | undefined): AsyncGenerator<Uint8Array> {
	const own = owner ?? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
	// The folder itself, whose rights the server looks at.
	yield header('./', await lstat(draft), own);
	yield* membersOf(draft, './', own);
	const version = path.join(draft, VERSION_FILE);
	if (await lstatOrNothing(version)) yield* fileMember(version, `./${VERSION_FILE}`, own);
	yield tarEnd();
}

async function* membersOf(folder: string, name: string, own: Owner): AsyncGenerator<Uint8Array> {
	for (const entry of await readdir(folder, { withFileTypes: true })) {
		const place = path.join(folder, entry.name);
		const member = name + entry.name;
		if (entry.isDirectory()) {
			yield header(`${member}/`, await lstat(place), own);
			yield* membersOf(place, `${member}/`, own);
		} else if (member !== `./${VERSION_FILE}`) yield* fileMember(place, member, own);
	}
}

async function* fileMember(place: string, member: string, own: Owner): AsyncGenerator<Uint8Array> {
	const handle = await open(place, 'r');
	try {
		const found = await handle.stat();
		yield header(member, found, own);
		let left = found.size;
		while (left > 0) {
			const buffer = Buffer.allocUnsafe(Math.min(left, CHUNK_BYTES));
			const { bytesRead } = await handle.read(buffer);
			if (bytesRead === 0) throw new Error(`${member} became shorter while it was read`);
			left -= bytesRead;
			yield buffer.subarray(0, bytesRead);
		}
		if (found.size % 512 > 0) yield tarPadding(found.size);
	} finally {
		await handle.close();
	}
	await rm(place);
}

function header(
	member: string,
	found: { isDirectory(): boolean; size: number; mtimeMs: number },
	{ uid, gid }: Owner,
): Buffer {
	const isFolder = found.isDirectory();
	return memberHeader({
		name: Buffer.from(member),
		type: isFolder ? 'directory' : 'file',
		size: isFolder ? 0 : found.size,
		modified: BigInt(Math.floor(found.mtimeMs / 1000)) * 1_000_000_000n,
		mode: isFolder ? DIRECTORY_MODE : FILE_MODE,
		uid,
		gid,
	});
}

/** @throws BackupError INVALID_INPUT */
function codecOf(file: string): CodecName {
	const found = CODECS.find(([end]) => file.endsWith(end) && path.basename(file) !== end);
	if (found) return found[1];
	throw new BackupError('INVALID_INPUT', `${file} is no name of a tar.`, {
		hint: `Let it end with ${CODECS.map(([end]) => end).join(', ')}.`,
	});
}

function standsThere(file: string): BackupError {
	return new BackupError('TARGET_EXISTS', `${file} exists already, and is not overwritten.`, {
		hint: 'Choose another name, or remove it. Nothing was changed.',
	});
}
