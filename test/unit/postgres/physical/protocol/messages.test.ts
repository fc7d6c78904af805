import { describe, expect, it } from 'vitest';

import { MessageReader } from '../../../../../engine/postgres/physical/protocol/messages';
import { encodeMessage, MessageType } from '../../../../../engine/postgres/protocol';
import type { RawSocket } from '../../../../../engine/postgres/rawSocket';
import { noise } from '../../../../random/bytes';

const random = noise('postgres/physical/messages');

/** A reader of these chunks, which lie in one buffer one after the other, as a BulkSocket hands them out. */
function readerOf(chunks: Buffer[]): MessageReader {
	const buffer = Buffer.alloc(1024 * 1024);
	const nextChunk = async () => {
		const chunk = chunks.shift();
		if (!chunk) throw new Error('closed');
		buffer.fill(0xee, 0, 4096);
		chunk.copy(buffer);
		return buffer.subarray(0, chunk.length);
	};
	return new MessageReader({ nextChunk } as unknown as RawSocket);
}

function cut(bytes: Buffer, lengthOf: (index: number) => number): Buffer[] {
	const chunks: Buffer[] = [];
	for (let at = 0; at < bytes.length;) {
		const length = lengthOf(chunks.length);
		chunks.push(bytes.subarray(at, at + length));
		at += length;
	}
	return chunks;
}

describe('messages', () => {
	const lengths = [0, 1, 32_769, 4, 131_097, 0, 0, 300_000, 7, 65_536];
	const bodies = lengths.map((length) => Buffer.from(random(length)));
	const stream = Buffer.concat(bodies.map((body) => encodeMessage(MessageType.copyData, body)));

	it.each([
		['cut within headers', (index: number) => (index % 2 === 0 ? 3 : 32_771)],
		['in pieces of all lengths', (index: number) => ((index * 7919) % 70_000) + 1],
		['in one chunk', () => stream.length],
	])('come whole and in order, %s', async (_, lengthOf) => {
		const reader = readerOf(cut(stream, lengthOf));
		for (const body of bodies) {
			const message = await reader.next();
			expect(message.type).toBe(MessageType.copyData);
			expect(message.body.equals(body)).toBe(true);
		}
		await expect(reader.next()).rejects.toThrow('closed');
	});

	it('have a length that a message can have', async () => {
		const long = Buffer.from([MessageType.copyData, 0x7f, 0xff, 0xff, 0xff, 0]);
		await expect(readerOf([long]).next()).rejects.toThrow('a message of 2147483643 bytes');
		await expect(readerOf([Buffer.from([MessageType.copyData, 0, 0, 0, 3])]).next()).rejects.toThrow('of 3 bytes');
	});
});
