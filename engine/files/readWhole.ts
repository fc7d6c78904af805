/**
 * Reads small files whole. There may be a hundred thousand of them, so each takes as few steps as it can: the calls of node:fs
 * with callbacks cost a third of the processor time of its promises, and one look at the file after it was read, compared with
 * what was seen of it when the folder was listed, tells whether it stayed as it was.
 */
import { type BigIntStats, close, constants, fstat, open, read } from 'node:fs';
import { promisify } from 'node:util';

const openFile = promisify(open);
const closeFile = promisify(close);
const lookAt = promisify(fstat) as (file: number, options: { bigint: true }) => Promise<BigIntStats>;

/** A file as it was read. */
export interface WholeFile {
	content: Buffer;
	/** As it is now that it was read. */
	stat: BigIntStats;
}

/**
 * Reads up to so many bytes, and one more where there are more. Does not follow a symbolic link, and does not wait for a pipe.
 * @throws what the file system answers
 */
export async function readWhole(path: Buffer, size: number): Promise<WholeFile> {
	const file = await openFile(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
	try {
		const buffer = Buffer.allocUnsafe(size + 1);
		let length = 0;
		while (length < buffer.length) {
			const bytes = await readAt(file, buffer, length);
			length += bytes;
			// A file system over a network may give less than there is, but never nothing before the end.
			if (bytes === 0 || length === size) break;
		}
		const stat = await lookAt(file, { bigint: true });
		return { content: buffer.subarray(0, length), stat };
	} finally {
		await closeFile(file);
	}
}

function readAt(file: number, buffer: Buffer, at: number): Promise<number> {
	return new Promise((resolve, reject) => {
		read(file, buffer, at, buffer.length - at, at, (error, bytes) => (error ? reject(error) : resolve(bytes)));
	});
}
