/**
 * Runs the genuine pg_dump, compiled to WebAssembly, in a thread of its own. pg_dump is synchronous: it writes bytes to
 * "its server" and reads the answer at once. So every write goes to the main thread, which owns the real connection, and
 * this thread sleeps until the answer has been posted. It knows nothing of the protocol; see bridge.ts.
 *
 * Imports nothing of ours, so that it loads as it is, compiled or as TypeScript under the tests.
 */
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';

import { pgDump } from '@electric-sql/pglite-tools';

interface PgDumpJob {
	port: MessagePort;
	/** One Int32 in shared memory: 1 once an answer has been posted. */
	answered: Int32Array;
	args: string[];
}

const { port, answered, args } = workerData as PgDumpJob;

function exchange(bytes: Uint8Array): Uint8Array {
	port.postMessage(bytes.slice());
	Atomics.wait(answered, 0, 0);
	Atomics.store(answered, 0, 0);
	return (receiveMessageOnPort(port) as { message: Uint8Array }).message;
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
	const file = await pgDump({ pg: connection as unknown as Parameters<typeof pgDump>[0]['pg'], args });
	parentPort?.postMessage({ script: await file.text() });
}

run().catch((error: unknown) =>
	parentPort?.postMessage({ error: error instanceof Error ? error.message : String(error) }),
);
