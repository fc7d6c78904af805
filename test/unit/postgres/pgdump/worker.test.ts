import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { MessageChannel, Worker } from 'node:worker_threads';

import { describe, expect, it, onTestFinished } from 'vitest';

import type { CompiledProgram } from '../../../../engine/postgres/pgdump/worker';

/** Part of JavaScript; TypeScript describes it with the browser's types only. */
declare const WebAssembly: { Module: new (bytes: Uint8Array) => object };

const WORKER = join(__dirname, '../../../../engine/postgres/pgdump/worker.ts');
const PROGRAM = join(dirname(createRequire(__filename).resolve('@electric-sql/pglite-tools')), 'pg_dump.wasm');

/** A module that does nothing, in place of pg_dump as an earlier run compiled it. */
const EMPTY = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));

/** Runs the worker with an option that pg_dump refuses before it connects to a server. */
async function run(compiled: CompiledProgram | undefined): Promise<{ error: string; messages: string }> {
	const { port1, port2 } = new MessageChannel();
	const answered = new Int32Array(new SharedArrayBuffer(4));
	const worker = new Worker(WORKER, {
		workerData: { port: port2, answered, nonce: 'abc', compiled },
		transferList: [port2],
		env: {},
		stderr: true,
	});
	worker.postMessage(['--no-such-option']);
	onTestFinished(async () => {
		port1.close();
		await worker.terminate();
	});
	return await new Promise((resolve, reject) => {
		worker.once('message', resolve);
		worker.once('error', reject);
	});
}

describe('pg_dump as an earlier run of the process compiled it', () => {
	it('is compiled anew where the file has changed since then', async () => {
		const { messages } = await run({ module: EMPTY, sha256: hash('sha256', Buffer.from('pg_dump as it was')) });
		expect(messages).toContain('pg_dump: unrecognized option: no-such-option');
	});

	it('is used again where the file is the same', async () => {
		const { messages, error } = await run({ module: EMPTY, sha256: hash('sha256', readFileSync(PROGRAM)) });
		expect(messages).toBe('');
		expect(error).not.toBe('');
	});
});
