/**
 * Runs PGlite, PostgreSQL compiled to WebAssembly, in a process of its own: it is synchronous, and keeps whatever thread it is
 * in; its memory goes back as a whole; and where the system runs out of memory, this process ends and not n8n. Takes
 * messages of the protocol on the standard input, as many as make one exchange, each time with their length in front, and
 * writes the answer to descriptor 3 in pieces as they come: see pglite.ts. Writing waits while the other side does not
 * read, so an answer of any size passes through little memory. It knows nothing of the protocol; see stream.ts.
 *
 * Imports nothing of ours, so that it loads as it is, compiled or as TypeScript under the tests.
 */
import { writeFileSync, writeSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';

import type { Extension, PGlite as Database } from '@electric-sql/pglite';

/** Extensions to be at hand: the modules that bring them, and the names of their exports. */
const extensions = JSON.parse(process.argv[2] as string) as Array<{ module: string; name: string }>;

const ANSWERS = 3;
const LENGTH_BYTES = 4;

/** Bytes of an exchange after which garbage is collected: files in memory leave their old copies behind as they grow. */
const COLLECTED = 1024 * 1024;

/** What the server shall not spend memory on: no other process reads its log, and after a crash nobody recovers. */
const SETTINGS = [
	'wal_level=minimal',
	'max_wal_senders=0',
	'full_page_writes=off',
	'min_wal_size=32MB',
	'max_wal_size=32MB',
	'shared_buffers=16MB',
	'maintenance_work_mem=16MB',
];

/**
 * V8's optimizing compiler takes 480 MB for a single one of PostgreSQL's functions; without it a restore takes a tenth
 * longer. A flag that V8 does not know any more it passes over.
 */
const BASELINE_ONLY = ['--liftoff', '--liftoff-only', '--no-wasm-tier-up', '--no-wasm-dynamic-tiering'];

/** Ends this process with its parent, also while PostgreSQL keeps the main thread busy. */
const WATCH = `const parent = process.ppid;
setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL'); }, 1000);`;

/** The first one that the system ends where memory runs out. Elsewhere than on Linux there is no such thing. */
function offerToOutOfMemoryKiller(): void {
	try {
		writeFileSync('/proc/self/oom_score_adj', '1000');
	} catch {
		// Then it is as likely to be taken as any other.
	}
}

function post(kind: 'ready' | 'data' | 'end' | 'failed', bytes: Uint8Array = new Uint8Array()): void {
	const head = Buffer.alloc(5);
	head.write(kind.slice(0, 1), 'latin1');
	head.writeUInt32LE(bytes.length, 1);
	for (const part of [head, bytes]) {
		for (let at = 0; at < part.length;) at += writeSync(ANSWERS, part, at);
	}
}

async function start(): Promise<Database> {
	const { PGlite } = await import('@electric-sql/pglite');
	const { dataDir } = await import('@electric-sql/pglite-prepopulatedfs');
	const loaded: Record<string, Extension> = {};
	for (const { module, name } of extensions) {
		const exports = (await import(module)) as Record<string, Extension>;
		loaded[name] = exports[name] as Extension;
	}
	return await PGlite.create({
		extensions: loaded,
		// Made already: to make it, initdb would take a second PGlite, and twice the memory for a moment.
		loadDataDir: await dataDir(),
		startParams: [...PGlite.defaultStartParams, ...SETTINGS.flatMap((setting) => ['-c', setting])],
	});
}

/** What comes on the standard input, exchange by exchange. */
async function* exchanges(): AsyncGenerator<Buffer> {
	let chunks: Buffer[] = [];
	let length = 0;
	let wanted = LENGTH_BYTES;
	let isLength = true;
	for await (const chunk of process.stdin) {
		chunks.push(chunk as Buffer);
		length += (chunk as Buffer).length;
		while (length >= wanted) {
			const all = Buffer.concat(chunks);
			if (!isLength) yield all.subarray(0, wanted);
			chunks = [all.subarray(wanted)];
			length -= wanted;
			wanted = isLength ? all.readUInt32LE(0) : LENGTH_BYTES;
			isLength = !isLength;
		}
	}
}

async function run(): Promise<void> {
	offerToOutOfMemoryKiller();
	new Worker(WATCH, { eval: true }).unref();
	setFlagsFromString('--expose-gc');
	const collect = runInNewContext('gc') as () => void;
	for (const flag of BASELINE_ONLY) setFlagsFromString(flag);
	const database = await start();
	post('ready');
	const onRawData = (bytes: Uint8Array) => post('data', bytes);
	for await (const messages of exchanges()) {
		// Synchronous up to its end.
		await database.execProtocolRawStream(messages, { syncToFs: false, onRawData });
		post('end');
		if (messages.length > COLLECTED) collect();
	}
}

run().then(
	() => process.exit(0),
	(error: unknown) => {
		post('failed', Buffer.from(error instanceof Error ? error.message : String(error)));
		process.exit(1);
	},
);
