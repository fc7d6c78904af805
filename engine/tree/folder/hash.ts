import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

const CHUNK_BYTES = 1024 * 1024;

/** The SHA-256 of a file, in hex; of what stands there, never of what a symbolic link leads to. */
export async function hashOf(file: Buffer): Promise<string> {
	const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
	const handle = await open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	try {
		const digest = createHash('sha256');
		const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
		for (;;) {
			const { bytesRead } = await handle.read(buffer, 0, buffer.length);
			if (bytesRead === 0) return digest.digest('hex');
			digest.update(buffer.subarray(0, bytesRead));
		}
	} finally {
		await handle.close();
	}
}
