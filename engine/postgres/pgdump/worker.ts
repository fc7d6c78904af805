/**
 * Runs the genuine pg_dump, compiled to WebAssembly, in a thread of its own. pg_dump is synchronous: it writes bytes to
 * "its server" and reads the answer at once. What it asks about the rows of tables is answered here, see cursor.ts; every other
 * write goes to the main thread, which owns the real connection, and this thread sleeps until the answer has been posted: see
 * bridge.ts.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';

import { pgDump } from '@electric-sql/pglite-tools';

import { MarkerCursors, type TableRead } from './cursor';
import { PartitionBounds } from './partitionBounds';

/** What the thread begins with; pg_dump's arguments come to parentPort as its only message. */
export interface PgDumpJob {
	port: MessagePort;
	/** One Int32 in shared memory: 1 once an answer has been posted. */
	answered: Int32Array;
	/** See MarkerCursors. */
	nonce: string;
	/** pg_dump compiled, where this process has run it before. */
	compiled: CompiledProgram | undefined;
}

/** A WebAssembly.Module, with the SHA-256 of what it was compiled from. */
export interface CompiledProgram {
	module: object;
	sha256: string;
}

/** What the thread gets for what pg_dump has written. */
export interface PgDumpReply {
	/** What pg_dump's next read shall find. */
	bytes: Uint8Array;
	/** See PartitionBounds. */
	bounds?: Uint8Array;
}

/** What the thread posts at its end. */
export interface PgDumpOutcome {
	/** Undefined where pg_dump has failed. */
	script: string | undefined;
	reads: TableRead[];
	/** What it failed with, where it said nothing on its standard error. */
	error: string;
	/** All that pg_dump wrote to its standard error. */
	messages: string;
	/** What a run that has succeeded compiled. */
	compiled?: CompiledProgram | undefined;
}

const { port, answered, nonce, compiled } = workerData as PgDumpJob;

const argumentsToCome = new Promise<string[]>((resolve) => parentPort?.once('message', resolve));

const cursors = new MarkerCursors(nonce);
const partitions = new PartitionBounds();

function exchange(bytes: Uint8Array): Uint8Array {
	const taken = cursors.take(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
	if ('answer' in taken) return taken.answer;
	const known = partitions.answer(taken.send);
	if (known) return known;
	port.postMessage(new Uint8Array(taken.send));
	// The call that was to wake us for the answer before comes only now where that answer was seen without waiting.
	while (Atomics.load(answered, 0) === 0) Atomics.wait(answered, 0, 0);
	Atomics.store(answered, 0, 0);
	const reply = (receiveMessageOnPort(port) as { message: PgDumpReply }).message;
	if (reply.bounds) partitions.learn(Buffer.from(reply.bounds));
	return reply.bytes;
}

/** What pg_dump wrote to its standard error. */
const messages: Buffer[] = [];

const STDERR = 2;

type FdWrite = (fd: number, vectors: number, count: number, written: number) => number;

/** As much of what a module imports as matters here. */
interface Imports {
	env: { memory: { buffer: ArrayBuffer } };
	wasi_snapshot_preview1: { fd_write: FdWrite };
}

/** Part of JavaScript; TypeScript describes it with the browser's types only. */
declare const WebAssembly: {
	compile: (bytes: Uint8Array) => Promise<object>;
	instantiate: (module: object, imports: Imports) => Promise<unknown>;
};

/**
 * pgDump keeps what pg_dump writes to its standard error for a run that fails, without the line feeds, and drops that of
 * one that succeeds: its warnings. So it is taken down where it leaves WebAssembly, in fd_write, whose form is set by WASI
 * (`wasi_snapshot_preview1`): pairs of Uint32, an address and a length.
 */
function takingDown(imports: Imports): Imports {
	const wasi = imports.wasi_snapshot_preview1;
	const tapped: FdWrite = (fd, vectors, count, written) => {
		// The script goes the same way, in thousands of pieces.
		if (fd !== STDERR) return wasi.fd_write(fd, vectors, count, written);
		const { buffer } = imports.env.memory;
		const view = new DataView(buffer);
		for (let at = vectors; at < vectors + 8 * count; at += 8) {
			const text = new Uint8Array(buffer, view.getUint32(at, true), view.getUint32(at + 4, true));
			messages.push(Buffer.from(text));
		}
		return wasi.fd_write(fd, vectors, count, written);
	};
	return { ...imports, wasi_snapshot_preview1: { ...wasi, fd_write: tapped } };
}

const { instantiate } = WebAssembly;

/**
 * What pgDump is instantiated from. Compiled code can be sent to other threads, which then share it, with what has been
 * optimized meanwhile; so it goes to the main thread, for the next run.
 */
let program = compiled;

/** Compiles what was not compiled yet. */
async function compileOnce(bytes: Uint8Array): Promise<object> {
	// An update of the package may have changed it since then, together with the code around it.
	const sha256 = createHash('sha256').update(bytes).digest('hex');
	if (program?.sha256 !== sha256) program = { module: await WebAssembly.compile(bytes), sha256 };
	return program.module;
}

/** Stands in for WebAssembly.instantiate. */
async function instantiateOnce(bytes: Uint8Array, imports: Imports): Promise<unknown> {
	const module = await compileOnce(bytes);
	return { module, instance: await instantiate(module, takingDown(imports)) };
}

/** pgDump compiles its program only when it has its arguments; by then it shall have been done. */
async function compileAhead(): Promise<void> {
	const file = join(dirname(require.resolve('@electric-sql/pglite-tools')), 'pg_dump.wasm');
	// Where another version of the package keeps it elsewhere, it is compiled when pgDump comes to it.
	const bytes = await readFile(file).catch(() => undefined);
	if (bytes) await compileOnce(bytes);
}

/** What pgDump asks of a PGlite: the bytes of the protocol, and a search path to set back, which here is nobody's. */
const connection = {
	execProtocolRawStream(bytes: Uint8Array, { onRawData }: { onRawData: (bytes: Uint8Array) => void }): void {
		const reply = exchange(bytes);
		if (reply.length > 0) onRawData(reply);
	},
	query: () => Promise.resolve({ rows: [{ search_path: '' }] }),
	exec: () => Promise.resolve([]),
};

async function run(): Promise<PgDumpOutcome> {
	// pg_dump takes the name for its messages from here; else they would hold this file's path.
	process.argv[1] = 'pg_dump';
	Object.assign(WebAssembly, { instantiate: instantiateOnce });
	if (!program) await compileAhead();
	const args = await argumentsToCome;
	const file = await pgDump({ pg: connection as unknown as Parameters<typeof pgDump>[0]['pg'], args });
	const script = await file.text();
	return { script, reads: cursors.reads, error: '', messages: Buffer.concat(messages).toString(), compiled: program };
}

void run()
	.catch((failure: unknown): PgDumpOutcome => {
		const error = failure instanceof Error ? failure.message : String(failure);
		return { script: undefined, reads: [], error, messages: Buffer.concat(messages).toString() };
	})
	.then((outcome) => parentPort?.postMessage(outcome));
