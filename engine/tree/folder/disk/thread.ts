/**
 * Does the calls of the file system in a thread of its own, one after the other and without libuv: to hand each of them to a
 * thread and back takes several times as long as the call, and a small file takes four. What comes back of a batch comes in
 * one message; contents lie one behind the other in slabs of shared memory, which come back to be filled again.
 */
import { hash } from 'node:crypto';
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';

import { bytesOf } from '../../name';
import { attempt, putStat, statsOf, type Batch, type Failure, type Looked, type Outcome } from './messages';
import { namesIn } from './names-in';
import { ThreadFolders } from './thread-folders';
import { finishDirectory, makeDirectories, writeFiles } from './write';
import { orderAt } from './write-orders';

/**
 * Bytes of the slabs, for small files and for others: a slab is not filled again before all that lies in it was given back, so
 * many half empty ones may wait.
 */
const SMALL_SLAB = 256 * 1024;
const LARGE_SLAB = 1024 * 1024 + 4096;
const SMALL_FILE = 64 * 1024;
const MOST_SPARE = 32;

const port = parentPort!;
let folders: ThreadFolders | undefined;
const spare: Record<number, SharedArrayBuffer[]> = { [SMALL_SLAB]: [], [LARGE_SLAB]: [] };

port.on('message', (batch: Batch | 'over') => {
	if (batch === 'over') return folders?.close();
	for (const slab of batch.slabs) {
		const others = spare[slab.byteLength];
		if (others && others.length < MOST_SPARE) others.push(slab);
	}
	const slabs = new Slabs();
	const root = bytesOf(batch.root);
	if (batch.isForgotten || !folders?.root.equals(root)) {
		folders?.close();
		folders = new ThreadFolders(root);
	}
	folders.refresh();
	void answer(batch, folders, slabs);
});

/** The next batch comes only then. */
async function answer(batch: Batch, held: ThreadFolders, slabs: Slabs): Promise<void> {
	port.postMessage(await outcomeOf(batch, held, slabs));
}

async function outcomeOf(batch: Batch, folders: ThreadFolders, slabs: Slabs): Promise<Outcome> {
	return {
		lists: batch.lists.map((name) => attempt(() => namesIn(folders.at(name).path))),
		looks: batch.looks.map((names) => lookAt(folders, names)),
		makes: makeDirectories(folders, batch.makes),
		reads: readAll(folders, batch.reads, slabs),
		...(await writeAll(folders, batch.writes)),
		finishes: batch.finishes.map((order) => finishDirectory(folders, order)),
		slabs: slabs.buffers,
	};
}

async function writeAll(folders: ThreadFolders, packed: Batch['writes']): Promise<Pick<Outcome, 'writes' | 'times'>> {
	const bytes = packed.contents ? new Uint8Array(packed.contents) : new Uint8Array();
	const times: Outcome['times'] = new Map();
	const orders = packed.names.map((_name, index) => orderAt(packed, index));
	const writes = await writeFiles(folders, orders, bytes, (index, modified) => void times.set(index, modified));
	return { writes, times };
}

function lookAt(folders: ThreadFolders, names: string[]): Looked {
	const stats = statsOf(names.length);
	const failures = new Map<number, Failure>();
	for (const [index, name] of names.entries()) {
		const failure = attempt(() => putStat(stats, index, lstatSync(folders.above(name).at(name), { bigint: true })));
		if (failure) failures.set(index, failure);
	}
	return { stats, failures };
}

/** The slabs of one batch. */
class Slabs {
	readonly buffers: SharedArrayBuffer[] = [];
	readonly #open = new Map<number, { index: number; bytes: Buffer; used: number }>();

	/** Has so many bytes filled, and says which slab they are in, where, and how many they are. */
	fill(most: number, fill: (room: Buffer) => number): [index: number, offset: number, length: number] {
		const size = most <= SMALL_FILE ? SMALL_SLAB : Math.max(LARGE_SLAB, most);
		let slab = this.#open.get(size);
		if (!slab || slab.used + most > size) {
			const buffer = spare[size]?.pop() ?? new SharedArrayBuffer(size);
			slab = { index: this.buffers.push(buffer) - 1, bytes: Buffer.from(buffer), used: 0 };
			this.#open.set(size, slab);
		}
		const offset = slab.used;
		const length = fill(slab.bytes.subarray(offset, offset + most));
		slab.used += length;
		return [slab.index, offset, length];
	}
}

/** Reads files into slabs. */
function readAll(folders: ThreadFolders, { names, sizes }: Batch['reads'], slabs: Slabs): Outcome['reads'] {
	const stats = statsOf(names.length);
	const places = new Int32Array(3 * names.length);
	const failures = new Map<number, Failure>();
	const hashes: string[] = [];
	for (const [index, name] of names.entries()) {
		// One byte more, which shows that there is more.
		const place = slabs.fill(sizes[index]! + 1, (room) => {
			const length = attempt(() => read(folders.above(name).at(name), room, stats, index));
			if (typeof length !== 'number') failures.set(index, length);
			hashes.push(typeof length === 'number' ? hash('sha256', room.subarray(0, length), 'hex') : NO_HASH);
			return typeof length === 'number' ? length : 0;
		});
		places.set(place, 3 * index);
	}
	return { stats, places, failures, hashes: hashes.join('') };
}

/** In the place of one. */
const NO_HASH = '0'.repeat(64);

/**
 * Reads as many bytes as there is room for, and then looks at the file, which compared with what was seen of it before tells
 * whether it stayed as it was. Does not follow a symbolic link, and does not wait for a pipe.
 */
function read(path: Buffer, room: Buffer, stats: BigInt64Array, index: number): number {
	const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
	try {
		let length = 0;
		while (length < room.length) {
			const bytes = readSync(file, room, length, room.length - length, length);
			length += bytes;
			// A file system over a network may give less than there is, but never nothing before the end.
			if (bytes === 0 || length === room.length - 1) break;
		}
		putStat(stats, index, fstatSync(file, { bigint: true }));
		return length;
	} finally {
		closeSync(file);
	}
}
