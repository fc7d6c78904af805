import { expect, it } from 'vitest';

import { createArchive } from '../../../../engine/archive';
import { FrameBuffers } from '../../../../engine/postgres/dump/frameBuffers';
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
	return { writer, frames: new RowFrames(writer, form, new FrameBuffers(2)) };
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
