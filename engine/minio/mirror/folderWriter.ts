/** How a mirror writes into a folder. */
import { hash } from 'node:crypto';

import type { TreeEntry } from '../../tree';
import { FilesTarget } from '../../tree/folder';
import { CHUNK_BYTES, SMALL_BYTES } from './folderObjects';
import { ObjectChanged, type Listed } from './place';

export class FolderWriter {
	readonly #overwriting: FilesTarget;
	/** For what was not listed here: something may stand there all the same, see `placeTaken`. */
	readonly #adding: FilesTarget;
	#isMade: Promise<void> | undefined;

	constructor(root: string) {
		this.#overwriting = new FilesTarget({ root, existing: 'overwrite' });
		this.#adding = new FilesTarget({ root, existing: 'fail' });
	}

	/** Makes the folder where it is not there. To be called before `write`. */
	async prepare(): Promise<void> {
		this.#isMade ??= this.#overwriting.prepare({ bytes: 0 });
		await this.#isMade;
	}

	/**
	 * @param isNew whether nothing may be overwritten
	 * @throws BackupError; what the bytes throw
	 */
	async write(
		{ name, size, modified }: Pick<Listed, 'name' | 'size' | 'modified'>,
		bytes: AsyncIterable<Uint8Array>,
		isNew: boolean,
		signal: AbortSignal,
	): Promise<void> {
		const target = isNew ? this.#adding : this.#overwriting;
		const entry: TreeEntry = { name, type: 'file', size, modified, mode: 0o644 };
		target.accept(entry);
		if (size > SMALL_BYTES) {
			return await target.writeFile(entry, inPieces(bytes, Math.min(size, CHUNK_BYTES)), signal);
		}
		const content = await whole(bytes, size);
		const isWritten = await target.writeWhole({ ...entry, sha256: hash('sha256', content) }, content, signal);
		if (!isWritten) throw new ObjectChanged();
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
	}
}

async function whole(bytes: AsyncIterable<Uint8Array>, size: number): Promise<Uint8Array> {
	const content = Buffer.allocUnsafe(size);
	let length = 0;
	for await (const chunk of bytes) {
		content.set(chunk, length);
		length += chunk.length;
	}
	return content;
}

/**
 * The same bytes in fewer pieces: what comes from a network comes in small ones, each of which costs a call. All lie in the same
 * memory, one after the other: a piece is good until the next one is asked for.
 */
async function* inPieces(bytes: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
	const piece = Buffer.allocUnsafe(size);
	let filled = 0;
	for await (const chunk of bytes) {
		for (let from = 0; from < chunk.length;) {
			const part = chunk.subarray(from, from + size - filled);
			piece.set(part, filled);
			from += part.length;
			filled += part.length;
			if (filled < size) continue;
			yield piece;
			filled = 0;
		}
	}
	if (filled > 0) yield piece.subarray(0, filled);
}
