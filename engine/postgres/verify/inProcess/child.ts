/**
 * Runs PGlite, PostgreSQL compiled to WebAssembly, in a process of its own. PGlite is synchronous and blocks its thread; its
 * memory is freed when the process ends; and where the system runs out of memory, this process is killed and not n8n.
 *
 * How bytes move through: the messages of one exchange come on the standard input, with their length in front. The answer goes
 * to descriptor 3 in pieces, as frames (see pglite.ts). A write waits while the other side does not read, so an answer of any
 * size takes little memory. This process does not know the protocol; stream.ts does.
 *
 * It imports nothing of ours, so that it can be loaded both compiled and, by the tests, as TypeScript.
 */
import { writeFileSync, writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { gunzipSync } from 'node:zlib';

import type { Extension, PGlite as Database } from '@electric-sql/pglite';

/** The extensions that are needed: the modules that bring them, and the names of their exports. */
const extensions = JSON.parse(process.argv[2] as string) as Array<{ module: string; name: string }>;

const ANSWERS = 3;
const LENGTH_BYTES = 4;

/** Bytes of an exchange after which garbage is collected, because files in memory leave old copies behind as they grow. */
const COLLECTED = 1024 * 1024;

/** Settings that save memory: no other process reads the server's log, and nobody recovers it after a crash. */
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
 * longer. Of PostgreSQL's functions a few are called, so each is validated when it is compiled, at its first call. V8 ignores
 * flags that it does not know.
 */
const BASELINE_ONLY = [
	'--liftoff',
	'--liftoff-only',
	'--no-wasm-tier-up',
	'--no-wasm-dynamic-tiering',
	'--wasm-lazy-validation',
];

/** Ends this process with its parent, also while PostgreSQL keeps the main thread busy. */
const WATCH = `const parent = process.ppid;
setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL'); }, 1000);`;

/** Makes this process the first one that Linux kills where memory runs out. Other systems have no such setting. */
function offerToOutOfMemoryKiller(): void {
	try {
		writeFileSync('/proc/self/oom_score_adj', '1000');
	} catch {
		// Then it is as likely to be killed as any other process.
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

/**
 * The tar in a gzip file, with as much of a Blob as PGlite asks of it. PGlite would unzip it in a thousand pieces, which takes a
 * fifth of the time of a whole start, and a real Blob would hold one more copy of its 40 MB. Buffers of this size have an
 * ArrayBuffer of their own.
 */
async function unzipped(archive: Blob): Promise<Blob> {
	const tar = gunzipSync(await archive.arrayBuffer());
	return { type: 'application/x-tar', arrayBuffer: () => Promise.resolve(tar.buffer) } as Blob;
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
		// The database cluster comes prepared: initdb would start a second PGlite, and take twice the memory for a moment.
		loadDataDir: await unzipped(await dataDir()),
		startParams: [...PGlite.defaultStartParams, ...SETTINGS.flatMap((setting) => ['-c', setting])],
	});
}

/** Reads the standard input, exchange by exchange. */
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
	// At its end, which comes by SIGKILL, Node could not keep what it has compiled.
	flushCompileCache();
	post('ready');
	const onRawData = (bytes: Uint8Array) => post('data', bytes);
	for await (const messages of exchanges()) {
		// This call returns when the exchange has ended.
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
