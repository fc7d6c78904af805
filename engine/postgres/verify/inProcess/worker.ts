/**
 * Runs PGlite, PostgreSQL compiled to WebAssembly, in a thread of its own: it is synchronous, and whatever it is at keeps its
 * thread. Takes messages of the protocol, as many as make one exchange, and posts the answer in pieces as they come. A piece
 * waits while the other side has not taken what was posted before, so an answer of any size passes through little memory.
 * It knows nothing of the protocol; see stream.ts.
 *
 * Imports nothing of ours, so that it loads as it is, compiled or as TypeScript under the tests.
 */
import { parentPort, workerData } from 'node:worker_threads';

import { type Extension, PGlite } from '@electric-sql/pglite';
import { dataDir } from '@electric-sql/pglite-prepopulatedfs';

interface Job {
	/** Extensions to be at hand: the modules that bring them, and the names of their exports. */
	extensions: Array<{ module: string; name: string }>;
	/** One Int32 in shared memory: bytes that were posted and not taken yet. */
	untaken: Int32Array;
	/** How many may be. */
	limit: number;
}

const { extensions, untaken, limit } = workerData as Job;
const port = parentPort as NonNullable<typeof parentPort>;

/** What the server shall not spend memory on: no other process reads its log, and after a crash nobody recovers. */
const SETTINGS = [
	'wal_level=minimal',
	'max_wal_senders=0',
	'full_page_writes=off',
	'min_wal_size=32MB',
	'shared_buffers=32MB',
];

function post(bytes: Uint8Array): void {
	const copy = bytes.slice();
	let waiting = Atomics.add(untaken, 0, copy.length) + copy.length;
	port.postMessage(copy, [copy.buffer]);
	while (waiting > limit) {
		Atomics.wait(untaken, 0, waiting);
		waiting = Atomics.load(untaken, 0);
	}
}

async function run(): Promise<void> {
	const loaded: Record<string, Extension> = {};
	for (const { module, name } of extensions) {
		const exports = (await import(module)) as Record<string, Extension>;
		loaded[name] = exports[name] as Extension;
	}
	const database = await PGlite.create({
		extensions: loaded,
		// Made already: to make it, initdb would take a second PGlite, and twice the memory for a moment.
		loadDataDir: await dataDir(),
		startParams: [...PGlite.defaultStartParams, ...SETTINGS.flatMap((setting) => ['-c', setting])],
	});
	port.on('message', (bytes: Uint8Array) => {
		// Synchronous up to its end.
		database.execProtocolRawStream(bytes, { syncToFs: false, onRawData: post }).then(
			() => port.postMessage('done'),
			(error: unknown) => fail(error),
		);
	});
	port.postMessage('ready');
}

function fail(error: unknown): void {
	port.postMessage({ error: error instanceof Error ? error.message : String(error) });
}

run().catch(fail);
