import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { createArchive, openArchive, writeFrames } from '../../../../engine/archive';
import { FolderStorage } from '../../../../engine/storage';
import { noise } from '../../../random/bytes';
import { collect, temporaryStorage } from '../support';

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

	it('frames that are too large for memory are streamed, each up to its size, and hold the same', async () => {
		const { writer, root } = await openedArchive(codec);
		let asked = 0;
		// Two in memory, then streams: sizes that a test has room for.
		writer.frameSize = ({ smallest, largest }) => (asked++ < 2 ? smallest : largest + 1);
		await writeFrames(writer, 'snapshot', chunks());
		await writer.frame({ type: 'padding' }, Buffer.from('after'));
		const { parts } = await writer.commit({ source: { system: 'qdrant', version: '1.16.3' }, counts: {} });
		expect(parts.map(({ type }) => type)).toEqual(['snapshot', 'snapshot', 'snapshot', 'snapshot', 'padding']);
		expect(parts[2]!.rawLength).toBeGreaterThan(15 * 1024 * 1024);
		const reader = await openArchive(new FolderStorage({ root }), `${writer.key}.manifest.json`);
		expect(sha256(await collect(reader.raw()))).toBe(sha256(Buffer.concat([content, Buffer.from('after')])));
	});

	it('a source that fails while a frame is streamed ends it with its error, and nothing stays', async () => {
		const { writer, files } = await openedArchive(codec);
		writer.frameSize = ({ largest }) => largest + 1;
		await expect(writeFrames(writer, 'snapshot', chunks(9 * 1024 * 1024))).rejects.toThrow('the source broke');
		await writer.abort();
		expect(files()).toEqual([]);
	});

	it('a source that fails ends it with its error, and nothing stays', async () => {
		const { writer, files } = await openedArchive(codec);
		await expect(writeFrames(writer, 'snapshot', chunks(9 * 1024 * 1024))).rejects.toThrow('the source broke');
		await writer.abort();
		expect(files()).toEqual([]);
	});
});
