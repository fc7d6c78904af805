import { decompress } from '../../engine/archive/unpack/decompress';

/** All frames of a zstd file, unpacked, as `zstd -d` does it; node:zlib's synchronous function stops after the first one. */
export async function unpackZstd(file: Buffer): Promise<Buffer> {
	const chunks: Buffer[] = [];
	for await (const chunk of decompress(inOnePiece(file), 'zstd', 'the file')) chunks.push(chunk);
	return Buffer.concat(chunks);
}

async function* inOnePiece(file: Buffer): AsyncGenerator<Buffer> {
	yield file;
}
