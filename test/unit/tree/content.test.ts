import { createHash } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import type { ArchiveReader } from '../../../engine/archive';
import { giveBack, lend } from '../../../engine/storage/lent';
import { ContentReader, WantedFrames, type TreeEntry } from '../../../engine/tree';

type StoredFile = Parameters<ContentReader['wholeOf']>[0];

const FRAME = 10;
const TEXT = Buffer.from('The quick brown fox jumps over the lazy dog, again and again.');

/** An archive whose frames are spoilt as soon as they are given back, as by the frames that take their place. */
function archive(): ArchiveReader {
	const frames = Array.from({ length: Math.ceil(TEXT.length / FRAME) }, (_, index) => {
		const part = { rawLength: TEXT.subarray(index * FRAME, (index + 1) * FRAME).length };
		return { index, part };
	});
	return {
		key: 'set.tar',
		manifest: { parts: frames.map(({ part }) => part) },
		async *parts() {
			for (const { index, part } of frames) {
				const raw = Buffer.from(TEXT.subarray(index * FRAME, (index + 1) * FRAME));
				await Promise.resolve();
				yield { index, part, raw: lend(raw, () => raw.fill(0)) };
			}
		},
	} as unknown as ArchiveReader;
}

function fileOf(offset: number, size: number): StoredFile {
	const sha256 = createHash('sha256')
		.update(TEXT.subarray(offset, offset + size))
		.digest('hex');
	const entry: TreeEntry = {
		name: `${offset}`,
		type: 'file',
		size,
		modified: 0n,
		sha256,
		content: { archive: 'a', offset },
	};
	return entry as StoredFile;
}

describe('contents in frames whose memory is used again', () => {
	it('are right, in one frame or in several, until they are given back', async () => {
		const reader = archive();
		const frames = new WantedFrames(reader);
		const files = [
			fileOf(0, 4),
			fileOf(4, 3),
			fileOf(7, 5),
			fileOf(12, 25),
			fileOf(37, 3),
			fileOf(40, 0),
			fileOf(41, 19),
		];
		for (const { content, size } of files) frames.add(content.offset, size);
		const contents = new ContentReader(reader, frames, new AbortController().signal, { lends: true });
		const kept: Uint8Array[] = [];
		for (const file of files.slice(0, -1)) kept.push(await contents.wholeOf(file));
		for (const [index, { size, content }] of files.slice(0, -1).entries()) {
			const expected = TEXT.subarray(content.offset, content.offset + size).toString();
			expect(Buffer.from(kept[index]!).toString()).toBe(expected);
			giveBack(kept[index]!);
		}
		let last = '';
		for await (const piece of contents.contentOf(files.at(-1)!)) {
			last += Buffer.from(piece).toString();
			giveBack(piece);
		}
		expect(last).toBe(TEXT.subarray(41, 60).toString());
		await contents.close();
	});
});
