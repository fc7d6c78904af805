/**
 * Run as a process of its own: writes 1 GiB as an archive of frames and one long stream into the folder given, reads it
 * back, and prints the bytes and the largest resident size in MB.
 */
import { readFileSync } from 'node:fs';

import { openArchive, createArchive } from '../../../engine/archive';
import { FolderStorage } from '../../../engine/storage/folder';

const FRAME = 8 << 20;
const HALF = 2 ** 29;

async function* synthetic(bytes: number): AsyncGenerator<Uint8Array> {
	const block = Buffer.alloc(1 << 20, 'a row of text that compresses well\t0123456789\n');
	for (let sent = 0; sent < bytes; sent += block.length) {
		// Sources wait for sockets and disks; without a turn of the event loop nothing else would get one.
		await new Promise(setImmediate);
		yield block;
	}
}

async function main(root: string): Promise<void> {
	const storage = new FolderStorage({ root });
	const writer = await createArchive({
		storage,
		folder: 'files',
		name: 'large',
		extension: 'sql',
		kind: 'files',
		codec: { name: 'zstd', level: 1 },
	});
	for (let sent = 0; sent < HALF; sent += FRAME)
		await writer.frame({ type: 'data' }, Buffer.alloc(FRAME, `frame ${sent}\n`));
	await writer.stream({ type: 'stream' }, synthetic(HALF));
	const manifest = await writer.commit({ source: { system: 'test', version: '1' }, counts: {} });
	const reader = await openArchive(storage, { manifest, folder: 'files' });
	let readBack = 0;
	for await (const chunk of reader.raw()) readBack += (chunk as Buffer).length;
	// The most that was resident. `resourceUsage` would count what the process that started this one held, too.
	const [, kilobytes] = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
	const peakMegabytes = Math.round(Number(kilobytes) / 1000);
	process.stdout.write(JSON.stringify({ raw: manifest.size.raw, readBack, peakMegabytes }));
}

void main(process.argv[2]!);
