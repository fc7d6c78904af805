/** How a mirror writes into a folder. */
import { hash } from 'node:crypto';

import { giveBack } from '../../storage/lent';
import type { TreeEntry } from '../../tree';
import { Chunks, Disk, FilesTarget } from '../../tree/folder';
import { CHUNK_BYTES, SMALL_BYTES } from './folderObjects';
import { ObjectChanged, type Listed } from './place';

export interface FolderWriteOptions {
	/** Whether nothing may be overwritten. */
	isNew: boolean;
	signal: AbortSignal;
	/** See WriteOptions. */
	onRead?: (() => void) | undefined;
}

export class FolderWriter {
	/** A thread for each of the two would take its memory twice. */
	readonly #disk: Disk;
	readonly #overwriting: FilesTarget;
	/** For what was not listed here: something may stand there all the same, see `placeTaken`. */
	readonly #adding: FilesTarget;
	#isMade: Promise<void> | undefined;

	constructor(root: string) {
		this.#disk = new Disk(Buffer.from(root));
		// A copy is known by its name, size and time, recorded or not: what has them after a power cut must have its content as well.
		const common = { root, isDurable: true, disk: this.#disk };
		this.#overwriting = new FilesTarget({ ...common, existing: 'overwrite' });
		this.#adding = new FilesTarget({ ...common, existing: 'fail' });
	}

	/** Makes the folder where it is not there. To be called before `write`. */
	async prepare(): Promise<void> {
		this.#isMade ??= this.#overwriting.prepare({ bytes: 0 });
		await this.#isMade;
	}

	/**
	 * @param bytes may be lent
	 * @returns when the file was modified, as the file system has it
	 * @throws BackupError; what the bytes throw
	 */
	async write(
		{ name, size, modified }: Pick<Listed, 'name' | 'size' | 'modified'>,
		bytes: AsyncIterable<Uint8Array>,
		{ isNew, signal, onRead }: FolderWriteOptions,
	): Promise<bigint> {
		const target = isNew ? this.#adding : this.#overwriting;
		const entry: TreeEntry = { name, type: 'file', size, modified, mode: 0o644 };
		let written = modified;
		const onTime = (time: bigint) => (written = time);
		target.accept(entry);
		if (size > SMALL_BYTES) await target.writeFile(entry, gathered(bytes), signal, onTime);
		else {
			const content = await whole(bytes, size);
			onRead?.();
			const whatItIs = { ...entry, sha256: hash('sha256', content) };
			if (!(await target.writeWhole(whatItIs, content, signal, onTime))) throw new ObjectChanged();
			giveBack(content);
		}
		return written;
	}

	/** See FilesTarget. */
	async move(name: string, to: string): Promise<void> {
		await this.#overwriting.move(name, to);
	}

	/** See FilesTarget. */
	forget(): void {
		this.#overwriting.forget();
		this.#adding.forget();
	}

	async close(): Promise<void> {
		await Promise.all([this.#overwriting.close(), this.#adding.close()]);
		this.#disk.close();
	}
}

/** The bytes in one piece; lent, where they came in one that was. */
async function whole(bytes: AsyncIterable<Uint8Array>, size: number): Promise<Uint8Array> {
	let content: Uint8Array | undefined;
	let length = 0;
	for await (const chunk of bytes) {
		if (length === 0 && chunk.length === size) content = chunk;
		else {
			content ??= Buffer.allocUnsafe(size);
			content.set(chunk, length);
		}
		length += chunk.length;
		if (content !== chunk) giveBack(chunk);
	}
	return content ?? new Uint8Array();
}

/** The same bytes, many chunks together: what comes from a network comes in small ones, each of which costs a call. */
async function* gathered(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Chunks> {
	let chunks: Uint8Array[] = [];
	let length = 0;
	for await (const chunk of bytes) {
		chunks.push(chunk);
		length += chunk.length;
		if (length < CHUNK_BYTES) continue;
		yield new Chunks(chunks);
		chunks = [];
		length = 0;
	}
	if (length > 0) yield new Chunks(chunks);
}
