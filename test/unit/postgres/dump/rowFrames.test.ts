import { expect, it } from 'vitest';

import { createArchive } from '../../../../engine/archive';
import { FrameBuffers, frameSizesFor } from '../../../../engine/postgres/dump/frameBuffers';
import { RowFrames } from '../../../../engine/postgres/dump/rowFrames';
import { FolderStorage } from '../../../../engine/storage';
import { temporaryFolder } from '../../../services/guard';

const MEBIBYTE = 1024 * 1024;

async function archive() {
	const storage = new FolderStorage({ root: temporaryFolder('frames') });
	const writer = await createArchive({
		storage,
		folder: 'postgres',
		name: 'rows',
		extension: 'sql',
		kind: 'postgres',
		codec: { name: 'none' },
	});
	const form = { type: 'data', table: 0, header: 'COPY t FROM stdin;\n', trailer: '\\.\n', whole: true } as const;
	return { writer, frames: new RowFrames(writer, form, new FrameBuffers(1)) };
}

it('a frame of any length costs the same memory: nothing is kept of a wait that is over', async () => {
	const { writer, frames } = await archive();
	const stream = writer.stream.bind(writer);
	let reactions = 0;
	writer.stream = (part, source) => {
		const stored = stream(part, source);
		const then = stored.then.bind(stored);
		stored.then = ((...handlers: Parameters<typeof then>) => {
			reactions++;
			return then(...handlers);
		}) as typeof stored.then;
		return stored;
	};
	const row = Buffer.alloc(MEBIBYTE, 'x');
	let waits = 0;
	for (let count = 0; count < 30; count++) {
		await frames.begin(row.length);
		const wait = frames.bytes(row, 0, row.length);
		if (wait) waits++;
		await wait;
	}
	await frames.finish();
	expect(waits).toBe(30);
	expect(reactions).toBeLessThan(3);
	const manifest = await writer.commit({
		source: { system: 'postgresql', version: '18' },
		tables: [{ schema: 'public', name: 't', rows: frames.rows, bytes: frames.bytesRead }],
		counts: {},
	});
	expect(manifest.size.raw).toBeGreaterThan(30 * MEBIBYTE);
});

it('an archive that fails ends the wait of its frame with its own error, and every later one', async () => {
	const { writer, frames } = await archive();
	const row = Buffer.alloc(16 * MEBIBYTE, 'x');
	await frames.begin(row.length);
	const wait = frames.bytes(row, 0, row.length);
	wait?.catch(() => {});
	const full = new Error('the disk is full');
	await writer.abort(full);
	await expect(wait).rejects.toBe(full);
	await expect(frames.bytes(row, 0, row.length)).rejects.toBe(full);
	await expect(frames.finish()).rejects.toBe(full);
});

/** Rows of such lengths in an archive whose frames have the sizes given, one after the other. */
async function framesOf(lengths: readonly number[], sizes: readonly number[]) {
	const { writer } = await archive();
	let asked = 0;
	writer.frameSize = () => sizes[Math.min(asked++, sizes.length - 1)]!;
	const form = { type: 'data', table: 0, header: 'COPY t FROM stdin;\n', trailer: '\\.\n' } as const;
	const frames = new RowFrames(writer, form, new FrameBuffers(1));
	for (const length of lengths) {
		const row = Buffer.alloc(length, 'x');
		row[length - 1] = 10;
		await frames.begin(length);
		// A row may come in pieces.
		await frames.bytes(row, 0, length >> 1);
		await frames.bytes(row, length >> 1, length);
	}
	await frames.finish();
	const manifest = await writer.commit({
		source: { system: 'postgresql', version: '18' },
		tables: [{ schema: 'public', name: 't', rows: frames.rows, bytes: frames.bytesRead }],
		counts: {},
	});
	return manifest.parts;
}

const FORM_BYTES = 'COPY t FROM stdin;\n\\.\n'.length;
const { smallest, largest } = frameSizesFor(1);

it('frames grow as the archive asks for it, and none is larger', async () => {
	const rows = Array.from({ length: 300 }, () => 100_000);
	const parts = await framesOf(rows, [smallest, largest]);
	expect(parts.map(({ rows: inFrame }) => inFrame)).toEqual([82, 123, 95]);
	for (const [at, { rawLength, rows: inFrame = 0 }] of parts.entries()) {
		expect(rawLength).toBe(inFrame * 100_000 + FORM_BYTES);
		expect(rawLength).toBeLessThanOrEqual(at === 0 ? smallest : largest);
	}
});

it('frames that are too large for memory are streamed, many rows in each, whatever their length', async () => {
	const limit = largest + 1024;
	const rows = Array.from({ length: 2000 }, (_, index) => [20, 70_000, 300_000, 5][index % 4]!);
	const parts = await framesOf(rows, [limit]);
	expect(parts.length).toBe(16);
	expect(parts.reduce((sum, { rows: inFrame = 0 }) => sum + inFrame, 0)).toBe(2000);
	const content = rows.reduce((sum, length) => sum + length, 0);
	expect(parts.reduce((sum, { rawLength }) => sum + rawLength, 0)).toBe(content + parts.length * FORM_BYTES);
	for (const { rawLength } of parts) expect(rawLength).toBeLessThanOrEqual(limit);
});

it('a row that is longer than any frame has one of its own, also between streamed ones', async () => {
	const parts = await framesOf([50, 12 * MEBIBYTE, 50, 50], [smallest]);
	expect(parts.map(({ rows }) => rows)).toEqual([1, 1, 2]);
	const limit = largest + 1024;
	const streamed = await framesOf([50, 40 * MEBIBYTE, 50, 50], [limit]);
	expect(streamed.map(({ rows }) => rows)).toEqual([1, 1, 2]);
});

it.each([1, 2, 3, 4, 8, 16, 64])(
	'the buffers of %i connections are bounded in bytes, and each has one to fill',
	(parallel) => {
		const { sizes, limit } = new FrameBuffers(parallel);
		expect(sizes.smallest).toBeLessThanOrEqual(sizes.largest);
		expect(limit).toBeGreaterThan(parallel);
		expect(limit).toBeLessThanOrEqual(2 * parallel);
		expect(limit * sizes.largest).toBeLessThanOrEqual(Math.max(128, 8 * (parallel + 1)) * MEBIBYTE);
		expect(sizes.largest).toBeLessThanOrEqual(12 * MEBIBYTE);
	},
);
