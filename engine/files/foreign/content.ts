/** The content of members, as the tar has it. */
import type { Hash } from 'node:crypto';

import type { ByteCursor } from '../../archive/cursor';
import type { TarMember } from '../../tar';
import { Hole } from '../../tree/folder';

/** Content is written in pieces of this many bytes, whatever the decompressor gives. */
const PIECE_BYTES = 1024 * 1024;

/** Puts what the tar holds of a member into a hash. @throws what the source throws */
export async function digestContent(cursor: ByteCursor, { end }: TarMember, digest: Hash): Promise<void> {
	for await (const chunk of cursor.pass(end - cursor.position)) digest.update(chunk);
}

/** What the tar holds of a member, in large pieces. */
export async function* storedContent(cursor: ByteCursor, { end }: TarMember): AsyncGenerator<Uint8Array> {
	while (cursor.position < end) yield await cursor.take(Math.min(PIECE_BYTES, end - cursor.position));
}

/** The content of the file: of a sparse one, with the holes between what is stored. */
export async function* fileContent(
	stored: AsyncIterable<Uint8Array>,
	{ runs }: TarMember,
): AsyncGenerator<Uint8Array | Hole> {
	if (!runs) {
		yield* stored;
		return;
	}
	let position = 0;
	let next = 0;
	let inRun = 0;
	for await (const piece of stored) {
		for (let used = 0; used < piece.length;) {
			// The pieces add up to what is stored: the walk has checked it.
			while (runs[next]!.length === inRun) [next, inRun] = [next + 1, 0];
			const run = runs[next]!;
			const begin = run.offset + inRun;
			if (begin > position) yield new Hole(begin - position);
			const bytes = piece.subarray(used, used + run.length - inRun);
			yield bytes;
			used += bytes.length;
			inRun += bytes.length;
			position = begin + bytes.length;
		}
	}
}
