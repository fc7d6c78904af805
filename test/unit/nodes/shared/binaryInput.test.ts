import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { IBinaryData } from 'n8n-workflow';
import { beforeEach, expect, it } from 'vitest';
import { BinaryInput } from '../../../../nodes/shared/binaryInput';
import { noise } from '../../../random/bytes';

const random = noise('nodes/shared/binaryInput');

const content = random(100_000);
let opened: Readable[];

// n8n's helper, as far as it is used: a stream from the beginning, in chunks.
const helpers = {
	getBinaryStream: () => {
		const chunks = Array.from({ length: 100 }, (_, index) => content.subarray(index * 1000, (index + 1) * 1000));
		const stream = Readable.from(chunks);
		opened.push(stream);
		return Promise.resolve(stream);
	},
	getBinaryMetadata: () => Promise.resolve({ fileSize: content.length }),
};

const stored: IBinaryData = { id: 'filesystem:1', data: 'filesystem', mimeType: 'application/zstd' };

beforeEach(() => {
	opened = [];
});

it('reads the whole, ranges in any order, and nothing twice while ranges follow each other', async () => {
	const input = await BinaryInput.open(helpers, stored);
	const range = async (start?: number, end?: number) => await buffer(await input.read('file', { start, end }));
	expect((await input.stat('file'))?.size).toBe(content.length);
	expect((await range()).equals(content)).toBe(true);
	opened = [];
	for (const [start, end] of [
		[10, 1500],
		[1500, 1501],
		[1501, 99_999],
	] as const) {
		expect((await range(start, end)).equals(content.subarray(start, end))).toBe(true);
	}
	expect(opened).toHaveLength(1);
	expect((await range(5, 6)).equals(content.subarray(5, 6))).toBe(true);
	expect(opened).toHaveLength(2);
	input.close();
	await new Promise(setImmediate);
	expect(opened.every(({ destroyed }) => destroyed)).toBe(true);
});

it('closes the stream of a read that is left early or cancelled', async () => {
	const input = await BinaryInput.open(helpers, stored);
	for await (const chunk of await input.read('file')) {
		expect(chunk).toBeDefined();
		break;
	}
	const controller = new AbortController();
	const reading = buffer(await input.read('file', { signal: controller.signal }));
	controller.abort(new Error('stopped'));
	await expect(reading).rejects.toThrow('stopped');
	await new Promise(setImmediate);
	expect(opened.filter(({ destroyed }) => !destroyed)).toEqual([]);
});

it('reads what n8n keeps in the item itself', async () => {
	const binary = { data: content.toString('base64'), mimeType: 'application/zstd' };
	const input = await BinaryInput.open(helpers, binary);
	expect((await buffer(await input.read('file', { start: 7 }))).equals(content.subarray(7))).toBe(true);
	expect(opened).toEqual([]);
});

it('has no other file beside the one that it is told to be', async () => {
	const input = await BinaryInput.open(helpers, stored, 'shop.sql.gz');
	expect((await buffer(await input.read('shop.sql.gz'))).equals(content)).toBe(true);
	expect(await input.stat('shop.sql.gz.sha256')).toBeUndefined();
	await expect(input.read('shop.sql.gz.sha256')).rejects.toMatchObject({ code: 'STORAGE_MISSING' });
	input.close();
});
