/**
 * Runs the genuine pg_dump, compiled to WebAssembly, in a thread of its own. pg_dump is synchronous: it writes bytes to
 * "its server" and reads the answer at once. So every write goes to the main thread, which owns the real connection, and
 * this thread sleeps until the answer has been posted, unless it came with an answer before. It knows nothing of the
 * protocol; see bridge.ts.
 *
 * Imports nothing of ours, so that it loads as it is, compiled or as TypeScript under the tests.
 */
import { createHash } from 'node:crypto';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';

import { pgDump } from '@electric-sql/pglite-tools';

interface PgDumpJob {
	port: MessagePort;
	/** One Int32 in shared memory: 1 once an answer has been posted. */
	answered: Int32Array;
	args: string[];
	/** pg_dump compiled, where this process has run it before. */
	compiled: CompiledProgram | undefined;
}

/** A WebAssembly.Module, with the SHA-256 of what it was compiled from. */
export interface CompiledProgram {
	module: object;
	sha256: string;
}

const { port, answered, args, compiled } = workerData as PgDumpJob;

interface Answer {
	reply: Uint8Array;
	/** What will be asked next, and answered so. */
	following: Array<{ request: Uint8Array; reply: Uint8Array }>;
}

let following: Answer['following'] = [];

function exchange(bytes: Uint8Array): Uint8Array {
	const known = following.shift();
	if (known && Buffer.compare(known.request, bytes) === 0) return known.reply;
	port.postMessage(bytes.slice());
	// The call that was to wake us for the answer before comes only now where that answer was seen without waiting.
	while (Atomics.load(answered, 0) === 0) Atomics.wait(answered, 0, 0);
	Atomics.store(answered, 0, 0);
	const answer = (receiveMessageOnPort(port) as { message: Answer }).message;
	following = answer.following;
	return answer.reply;
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
		const { buffer } = imports.env.memory;
		const view = new DataView(buffer);
		for (let at = vectors; fd === STDERR && at < vectors + 8 * count; at += 8) {
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

/** Stands in for WebAssembly.instantiate. */
async function instantiateOnce(bytes: Uint8Array, imports: Imports): Promise<unknown> {
	// An update of the package may have changed it since then, together with the code around it.
	const sha256 = createHash('sha256').update(bytes).digest('hex');
	if (program?.sha256 !== sha256) program = { module: await WebAssembly.compile(bytes), sha256 };
	return { module: program.module, instance: await instantiate(program.module, takingDown(imports)) };
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

async function run(): Promise<void> {
	// pg_dump takes the name for its messages from here; else they would hold this file's path.
	process.argv[1] = 'pg_dump';
	Object.assign(WebAssembly, { instantiate: instantiateOnce });
	const file = await pgDump({ pg: connection as unknown as Parameters<typeof pgDump>[0]['pg'], args });
	parentPort?.postMessage({
		script: await file.text(),
		messages: Buffer.concat(messages).toString(),
		compiled: program,
	});
}

run().catch((error: unknown) =>
	parentPort?.postMessage({
		error: error instanceof Error ? error.message : String(error),
		messages: Buffer.concat(messages).toString(),
	}),
);
