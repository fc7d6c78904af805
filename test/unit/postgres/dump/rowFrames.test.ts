import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { createArchive, type ManifestPart } from '../../../../engine/archive';
import { FrameBuffers, frameSizesFor } from '../../../../engine/postgres/dump/frameBuffers';
import { RowFrames } from '../../../../engine/postgres/dump/rowFrames';
import { FolderStorage } from '../../../../engine/storage';
import { temporaryFolder } from '../../../services/guard';

const MEBIBYTE = 1024 * 1024;

async function archive() {
	const root = temporaryFolder('frames');
	const storage = new FolderStorage({ root });
	const writer = await createArchive({
		storage,
		folder: 'postgres',
		name: 'rows',
		extension: 'sql',
		kind: 'postgres',
		codec: { name: 'none' },
	});
	const form = { type: 'data', table: 0, header: 'COPY t FROM stdin;\n', trailer: '\\.\n', whole: true } as const;
	return { root, writer, frames: new RowFrames(writer, form, new FrameBuffers(1)) };
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

/** Rows of several tables, given by their lengths, one table after another. */
async function sharedFrames(lengths: readonly number[][], { whole = false } = {}) {
	const { root, writer } = await archive();
	const formOf = (table: number) => ({
		type: 'data' as const,
		table,
		header: `COPY t${table} FROM stdin;\n`,
		trailer: '\\.\n',
		whole,
		isShared: true,
	});
	class Frames extends RowFrames {
		next(table: number): void {
			this.turnTo(formOf(table));
		}
	}
	const frames = new Frames(writer, formOf(0), new FrameBuffers(1));
	for (const [table, rows] of lengths.entries()) {
		if (table > 0) frames.next(table);
		for (const length of rows) {
			const row = Buffer.alloc(length, 'x');
			row[length - 1] = 10;
			await frames.begin(length);
			await frames.bytes(row, 0, length);
		}
	}
	await frames.finish();
	const manifest = await writer.commit({
		source: { system: 'postgresql', version: '18' },
		tables: lengths.map((_, table) => ({ schema: 'public', name: `t${table}`, rows: 0, bytes: 0 })),
		counts: {},
	});
	const text = readFileSync(join(root, 'postgres', manifest.file), 'latin1');
	return { parts: manifest.parts, text };
}

const held = ({ type, table, tables, rows }: ManifestPart) => [type, tables ?? table, rows];

it('small tables share a frame, each as a COPY of its own, and one without rows has none', async () => {
	const { parts, text } = await sharedFrames([[2], [], [2, 3], []]);
	expect(parts.map(held)).toEqual([['tables', [0, 2], 3]]);
	expect(text).toBe('COPY t0 FROM stdin;\nx\n\\.\nCOPY t2 FROM stdin;\nx\nxx\n\\.\n');
});

it('a frame of a single table is one like any other', async () => {
	const { parts } = await sharedFrames([[], [5, 5], []]);
	expect(parts.map(held)).toEqual([['data', 1, 2]]);
	expect((await sharedFrames([[], []])).parts.map(held)).toEqual([['empty', undefined, undefined]]);
});

it('begins no other table in a frame of more than 1 MiB, and goes on with one that does not fit', async () => {
	const much = Array<number>(12).fill(MEBIBYTE);
	const { parts } = await sharedFrames([[10], [MEBIBYTE], [10], much, [10]]);
	expect(parts.map(held)).toEqual([
		['tables', [0, 1], 2],
		['tables', [2, 3], 8],
		['data', 3, 5],
		['data', 4, 1],
	]);
});

it('a row of a small table that is longer than any frame is streamed', async () => {
	const { parts } = await sharedFrames([[10], [10, 12 * MEBIBYTE, 10], [10]]);
	// What is streamed need not wait for what is compressed.
	expect(parts.map(held)).toEqual(
		expect.arrayContaining([
			['tables', [0, 1], 2],
			['data', 1, 1],
			['tables', [1, 2], 2],
		]),
	);
	expect(parts.length).toBe(3);
});

it('tables that must not be split are whole in a frame, also those without rows', async () => {
	const much = Array<number>(12).fill(MEBIBYTE);
	const { parts, text } = await sharedFrames([[], [5], [], much, [], [5], []], { whole: true });
	expect(parts.map(held)).toEqual([
		['tables', [0, 1, 2, 3, 4], 13],
		['tables', [5, 6], 1],
	]);
	expect(text.startsWith('COPY t0 FROM stdin;\n\\.\nCOPY t1 FROM stdin;\nxxxx\n\\.\nCOPY t2')).toBe(true);
	expect(text.endsWith('COPY t5 FROM stdin;\nxxxx\n\\.\nCOPY t6 FROM stdin;\n\\.\n')).toBe(true);
});

it('the buffers of a dump are freed at its end, but for those in use', () => {
	const buffers = new FrameBuffers(2);
	const [used, free] = [buffers.take(1000), buffers.take(1000)] as [Buffer, Buffer];
	buffers.give(free);
	buffers.close();
	expect([used.length, free.length]).toEqual([1000, 0]);
});
