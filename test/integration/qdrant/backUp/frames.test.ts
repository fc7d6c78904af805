import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { createArchive } from '../../../../engine/archive';
import { writeFrames } from '../../../../engine/qdrant/backUp/archived';
import { temporaryStorage } from '../support';
import { noise } from '../../../random/bytes';

const random = noise('qdrant/frames');

const CHUNK = 64 * 1024;
const content = random(23 * 1024 * 1024 + 5);

function sha256(bytes: Uint8Array): string {
	return createHash('sha256').update(bytes).digest('hex');
}

/** The content as a socket hands it out; fails after so many bytes, where told. */
async function* chunks(failAfter = Infinity) {
	for (let offset = 0; offset < content.length; offset += CHUNK) {
		if (offset >= failAfter) throw new Error('the source broke');
		yield Buffer.from(content.subarray(offset, offset + CHUNK));
		await Promise.resolve();
	}
}

async function openedArchive(codec: 'none' | 'zstd') {
	const { storage, root, files } = temporaryStorage();
	const archive = { folder: 'qdrant', name: 'docs', extension: 'snapshot', kind: 'qdrant' as const };
	return {
		writer: await createArchive({ ...archive, storage, startedAt: new Date(), codec: { name: codec } }),
		root,
		files,
	};
}

describe.each(['none', 'zstd'] as const)('with the codec %s', (codec) => {
	it('frames land whole and in order, each with its own hash', async () => {
		const { writer, root } = await openedArchive(codec);
		let told = 0;
		await writeFrames(writer, 'snapshot', chunks(), (bytes) => (told += bytes));
		expect(told).toBe(content.length);
		const manifest = await writer.commit({ source: { system: 'qdrant', version: '1.16.3' }, counts: {} });
		const file = readFileSync(join(root, writer.key));
		expect(sha256(file)).toBe(manifest.sha256);
		expect(manifest.parts.length).toBeGreaterThan(4);
		const raw = manifest.parts.map(({ offset, length, rawLength, sha256: hash }) => {
			const frame = file.subarray(offset, offset + length);
			expect(sha256(frame)).toBe(hash);
			const piece = codec === 'zstd' ? zstdDecompressSync(frame) : frame;
			expect(piece.length).toBe(rawLength);
			return piece;
		});
		expect(sha256(Buffer.concat(raw))).toBe(sha256(content));
	});

	it('a source that fails ends it with its error, and nothing stays', async () => {
		const { writer, files } = await openedArchive(codec);
		await expect(writeFrames(writer, 'snapshot', chunks(9 * 1024 * 1024))).rejects.toThrow('the source broke');
		await writer.abort();
		expect(files()).toEqual([]);
	});
});
